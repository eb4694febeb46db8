package com.acme.orders;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.apache.logging.log4j.MarkerManager;
import org.apache.logging.log4j.ThreadContext;
import org.apache.logging.log4j.core.util.Clock;
import org.apache.logging.log4j.message.ObjectMessage;
import org.apache.logging.log4j.message.StringMapMessage;
import org.apache.logging.log4j.message.StructuredDataMessage;

/**
 * Logs, through every layout of log4j2.xml, events with planted values and with honest text, and
 * writes both lists beside the logs. Every planted value is made up and stands in one event only.
 */
public final class Samples {
  private static final List<String> PLANTED = new ArrayList<>();

  /** Notes a value that a redactor must find. */
  private static String plant(String value) {
    PLANTED.add(value);
    return value;
  }

  /** The same time in every run. */
  public static final class Noon implements Clock {
    @Override
    public long currentTimeMillis() {
      return Instant.parse("2026-03-02T12:00:07.118Z").toEpochMilli();
    }
  }

  record Customer(String firstName, String lastName, String dateOfBirth, String ssn, Address address, boolean emailVerified) {}

  record Address(String street, String postcode, String country) {}

  record Card(String pan, String cvv, String expiry, String brand) {}

  /** What @ToString of Lombok and data classes of Kotlin print. */
  static final class Account {
    String accountNumber, iban, accountType = "CHECKING";
    long version = 7;

    @Override
    public String toString() {
      return "Account(accountNumber=" + accountNumber + ", iban=" + iban + ", accountType=" + accountType + ", version=" + version + ")";
    }
  }

  /** What editors generate. */
  static final class Login {
    String userName, password, passwordPolicy = "strict";
    int tokenCount = 3;

    @Override
    public String toString() {
      return "Login{userName='" + userName + "', password='" + password + "', passwordPolicy='" + passwordPolicy + "', tokenCount=" + tokenCount + "}";
    }
  }

  /** What ToStringBuilder of Commons Lang prints. */
  static final class Payment {
    String cardNumber, customerEmail, orderNumber;

    @Override
    public String toString() {
      return "com.acme.orders.Samples$Payment@5e91993f[cardNumber=" + cardNumber + ",customerEmail=" + customerEmail + ",orderNumber=" + orderNumber + ",amount=249.90]";
    }
  }

  /** What the generators for OpenAPI print. */
  static final class Patient {
    String firstName, phone, medicalRecordNumber, status = "ADMITTED";

    @Override
    public String toString() {
      return "class Patient {\n    firstName: " + firstName + "\n    phone: " + phone + "\n    medicalRecordNumber: " + medicalRecordNumber + "\n    status: " + status + "\n}";
    }
  }

  /** The attributes of a request as a flow of Mule prints them. */
  static final class HttpRequestAttributes {
    String authorization, cookie, email;

    @Override
    public String toString() {
      return "org.mule.extension.http.api.HttpRequestAttributes\n{\n   Request path=/api/customers\n   Method=GET\n   Query String=email=" + email
          + "&page=2\n   Version=HTTP/1.1\n   Headers=[\n      authorization=" + authorization + "\n      cookie=" + cookie
          + "\n      host=orders.example.com\n   ]\n   Query Parameters=[\n      email=" + email + "\n      page=2\n   ]\n   URI Parameters=[]\n}";
    }
  }

  static final class TokenException extends RuntimeException {
    TokenException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  private static Logger in(String name) {
    return LogManager.getLogger(name);
  }

  private static Map<String, Object> map(Object... pairs) {
    Map<String, Object> m = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      m.put((String) pairs[i], pairs[i + 1]);
    }
    return m;
  }

  private static final String FLOW = "[MuleRuntime].uber.03: [orders-api].get-access-token-flow.CPU_LITE @4ae4b7bc";

  private static int events;

  /** Sets what every event of a Mule application has in its context. */
  private static void event() {
    events++;
    ThreadContext.clearAll();
    ThreadContext.put("correlationId", String.format("0ad1a200-15e1-11f1-86ea-f018982a%04x", 0x62eb + events));
    ThreadContext.put("processorPath", "get-access-token-flow/processors/" + events);
  }

  private static void messages() {
    Logger log = in("com.acme.billing.CardToken");
    event();
    log.info("Card {} of {} charged, {}", plant("4111 1111 1111 1111"), plant("ada.lovelace@example.com"), "order 100200300400");
    event();
    log.info("transfer from {} to {}, {}", plant("DE89370400440532013000"), plant("GB29NWBK60161331926819"), "reference 2026-03-02/000117");
    event();
    log.warn("ssn {} has two customers, {}", plant("219-09-9999"), "batch 7f91fb10-15c9-11f1-ab7a-66bc5810864b");
    event();
    log.info("cached until 08:44, {}", "version 4.9.2 (build 20260302.1)");
    event();
    in("com.acme.security.PasswordEncoder").info("{}", "bcrypt2b10 ready, token refresh in 3600 s, password policy strict");
    event();
    in("com.acme.auth.TokenService").info("issued, client_secret={} expires_in=3600", plant("9fK2vQp7LmXw03Zt"));
    event();
    log.info("GET {}", URI.create("https://crm.example.com/v2/customers?email=" + plant("g.hopper%40example.org") + "&access_token=" + plant("c2VjcmV0LXRva2VuLTEyMzQ1Ng") + "&page=2"));
    event();
    log.info("connect to jdbc:postgresql://svc:{}@db01:5432/orders", plant("Tr0ub4dor.3xyz"));
    event();
    log.info("jdbc:sqlserver://db.example.com:1433;databaseName=orders;user=svc;password={};encrypt=true", plant("s3cr3tPassw0rd.7"));
    event();
    log.info("Authorization: Basic {}", plant("c3ZjLWNybTpzM2NyM3RQYXNzdzByZC44"));
    event();
    log.info("Authorization: Bearer {}", plant("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"));
    event();
    log.info("tags <b>&amp;</b> \"quoted\" 'single' \\back\\ of customer email={}", plant("tim.berners-lee@example.net"));
    event();
    log.info("two\nlines\tand a tab, password: {} \nthird line", plant("hunter2.Q9z"));
  }

  private static void parameters() {
    Logger log = in("com.acme.parameters.TokenList");
    event();
    log.info("{} {} {}", plant("4000002500003155"), plant("p.naur@example.com"), 17);
    event();
    log.info("iban {}, \"{}\", {}", plant("ES9121000418450200051332"), "quoted; \"twice\"", "{\"ssn\": \"" + plant("219-09-1010") + "\", \"password\": \"" + plant("Csv-p4ss.31") + "\"}");
  }

  private static void objects() {
    Logger log = in("com.acme.crm.CustomerKey");
    event();
    log.info("loaded {}", new Customer(plant("Ada"), plant("Byron-King"), plant("1815-12-10"), plant("219-09-1111"), new Address(plant("12 High Street"), plant("SW1A 1AA"), "GB"), true));
    event();
    log.info("{}", new Card(plant("5555555555554444"), plant("964"), plant("12/29"), "MASTERCARD"));
    Account account = new Account();
    account.accountNumber = plant("20415570019");
    account.iban = plant("FR1420041010050500013M02606");
    event();
    log.info("opened {}", account);
    Login login = new Login();
    login.userName = plant("ghopper");
    login.password = plant("Cob0l.1959");
    event();
    log.info("{} rejected", login);
    Payment payment = new Payment();
    payment.cardNumber = plant("4000056655665556");
    payment.customerEmail = plant("k.johnson@example.com");
    payment.orderNumber = "100200300401";
    event();
    log.info("{}", payment);
    Patient patient = new Patient();
    patient.firstName = plant("Rosalind");
    patient.phone = plant("+44 20 7946 0123");
    patient.medicalRecordNumber = plant("MR4402913");
    event();
    log.info("stored {}", patient);
    HttpRequestAttributes attributes = new HttpRequestAttributes();
    attributes.authorization = "Bearer " + plant("r4nd0mOpaqueT0ken7781");
    attributes.cookie = plant("JSESSIONID=A1B2C3D4E5F60718293A4B5C6D7E8F90");
    attributes.email = plant("d.vaughan@example.com");
    event();
    log.info("{}", attributes);
    event();
    log.info("payload {}", map("firstName", plant("Katherine"), "lastName", plant("O'Neill"), "ssn", plant("219-09-2222"), "orderId", "100200300402", "tags", List.of("vip", "eu")));
    event();
    log.info("all {}", List.of(map("email", plant("a.turing@example.com"), "id", 17), map("email", plant("j.clarke@example.com"), "id", 18)));
    event();
    log.info("array {} and {}", new Object[] {new Object[] {map("password", plant("En1gma.1940"), "retries", 3)}, Optional.of("apiKey=" + plant("k3y-9fK2vQp7LmXw03Ab"))});
    event();
    log.info("{}", Map.entry("clientSecret", plant("zX9-vQp7LmXw03Zt.44")));
    Properties properties = new Properties();
    properties.setProperty("db.password", plant("Pr0perty.55"));
    event();
    log.info("{}", properties);
    event();
    log.info("headers {}", HttpHeaders.of(Map.of("X-Api-Key", List.of(plant("9d8f7a6b5c4e3d2f1a0b")), "Accept", List.of("application/json")), (k, v) -> true));
    event();
    log.info("[Authorization:\"Bearer {}\", Content-Type:\"application/json\", X-Correlation-ID:\"{}\"]", plant("0p4queT0ken.99817"), "d29ff820-15f7-11f1-85fb-66bc5810864b");
    event();
    log.info("first_name: \"{}\"\naddress {\n  street: \"{}\"\n  country: \"GB\"\n}\n", plant("Edsger"), plant("7 Mill Lane"));
    event();
    log.info("names {}", map("lastNames", Arrays.asList(plant("Hamilton"), plant("Liskov")), "count", 2));
    event();
    log.info("customers={}", new Customer(plant("Mar\u00eda"), plant("\u00c5ngstr\u00f6m"), plant("1958-07-30"), plant("219-09-3333"), null, false));
  }

  private static void web() {
    Logger log = in("com.acme.web.LoginController");
    event();
    log.info("form {}", map("username", List.of(plant("kjohnson")), "password", List.of(plant("Apoll0.11x")), "remember", List.of("true")));
    event();
    log.info("response headers {}", map("Set-Cookie", List.of("SID=" + plant("c2lkLTQ0OTAxMjM0NTY3OA") + "; Path=/; HttpOnly"), "Server", List.of("nginx")));
    event();
    log.info("found {}", Optional.of(List.of(new Customer(plant("Dorothy"), plant("Vaughan"), plant("1910-09-20"), plant("219-09-1212"), new Address(plant("3 Mill Road"), plant("EC1A 1BB"), "GB"), true))));
    event();
    log.traceEntry("login password={} attempt={}", plant("Tr4ce.Entry9"), 2);
    event();
    log.warn("ConstraintViolationImpl{interpolatedMessage='must be a well-formed email address', propertyPath=email, rootBeanClass=class com.acme.orders.Customer, value='{}'}", plant("c.darden@example.com"));
    event();
    log.info("curl -u {} https://{}@crm:8443/v2?api_key={}", plant("svc:Cur1.pass"), "svc:" + plant("Ur1.pass"), plant("9fK2vQp7LmXw03Zs"));
  }

  private static void payloads() {
    Logger log = in("org.mule.runtime.core.internal.processor.LoggerMessageProcessor");
    event();
    log.info("""
        {
          "customer" : {
            "firstName" : "%s",
            "email" : "%s",
            "password" : "%s",
            "cards" : [
              %s,
              "%s"
            ]
          },
          "orderId" : %s
        }""".formatted(plant("Barbara"), plant("b.jones@example.com"), plant("Tr0ub4dor&7xyz"), plant("4242424242424242"), plant("3782-822463-10005"), "100200300403"));
    event();
    log.info("received {\"ssn\":\"{}\",\"raw\":\"{\\\"iban\\\":\\\"{}\\\",\\\"ok\\\":true}\",\"traceId\":\"{}\"}", plant("219-09-4444"), plant("NL91ABNA0417164300"), "4bf92f3577b34da6a3ce929d0e0e4736");
    event();
    log.info("<soap:Body>\n  <wsse:Password Type=\"PasswordText\">{}</wsse:Password>\n  <customer email=\"{}\"><lastName>{}</lastName><![CDATA[{\"card\":{}}]]></customer>\n</soap:Body>", plant("s0apPassw0rd.1"), plant("l.torvald@example.com"), plant("Perlman"), plant("6011111111111117"));
    event();
    log.info("firstName,lastName,email\n{},{},{}", "Radia", "Knuth", plant("r.knuth@example.com"));
    event();
    log.info("body email={}&password={}&remember=true", plant("v.cerf%40example.com"), plant("Tcp%2FIp.1974"));
    event();
    log.debug("http-outgoing-0 >> \"Cookie: {}[\\r][\\n]\"", plant("SESSION=MTIzNDU2Nzg5MDEyMzQ1Njc4OTA"));
    event();
    log.debug("LISTENER\nPOST /api/customers HTTP/1.1\nHost: orders.example.com\nX-Api-Key: {}\nContent-Type: application/json\n\n{\n  \"phoneNumber\": \"{}\"\n}", plant("7e6d5c4b3a29180f1e2d"), plant("+1 212 555 0142"));
  }

  private static void contexts() {
    Logger log = in("com.acme.auth.Session");
    event();
    ThreadContext.put("userEmail", plant("m.hamilton@example.com"));
    ThreadContext.put("sessionToken", plant("c29tZSBvcGFxdWUgc2Vzc2lvbiB0b2tlbiAxMjM0"));
    ThreadContext.put("customerLastName", plant("Lamport"));
    log.info("session opened");
    event();
    ThreadContext.put("password", plant("Mdc-s3cret.12"));
    ThreadContext.put("ssn", plant("219-09-5555"));
    ThreadContext.put("passwordPolicy", "strict");
    ThreadContext.put("tokenCount", "3");
    log.info("{}", "context with short values");
    event();
    ThreadContext.put("payload", "{\"cardNumber\":\"" + plant("4917610000000000") + "\",\"firstName\":\"" + plant("Leslie") + "\"}");
    ThreadContext.put("trace_id", "4bf92f3577b34da6a3ce929d0e0e4737");
    ThreadContext.put("span_id", "00f067aa0ba902b7");
    ThreadContext.push("login of " + plant("stack@example.com"));
    ThreadContext.push("create-api-key-flow");
    log.info("{}", "context with a payload");
  }

  private static void structured() {
    Logger log = in("com.acme.audit.AccessToken");
    event();
    log.info(new StringMapMessage().with("eventName", "CustomerCreated").with("firstName", plant("Frances")).with("lastName", plant("Allen")).with("card", plant("30569309025904")));
    StringMapMessage map = new StringMapMessage().with("lastName", plant("Goldstine")).with("apiToken", plant("t0kF0rMaps.77q1")).with("orderId", "100200300406");
    event();
    log.info(map.getFormattedMessage(new String[] {"JSON"}));
    event();
    log.info(map.getFormattedMessage(new String[] {"XML"}));
    event();
    log.info(map.getFormattedMessage(new String[] {"JAVA"}));
    event();
    log.info(map.getFormattedMessage(new String[] {"JAVA_UNQUOTED"}));
    event();
    StructuredDataMessage data = new StructuredDataMessage("login@32473", "user logged in", "audit");
    data.put("email", plant("f.allen@example.com"));
    data.put("password", plant("Str]uct-9.Q"));
    PLANTED.add("Str\\]uct-9.Q"); // as RFC 5424 escapes it
    data.put("orderId", "100200300404");
    log.info(data);
    event();
    log.info(new ObjectMessage(map("iban", plant("BE68539007547034"), "dateOfBirth", plant("1932-08-04"), "orderId", "100200300405")));
    event();
    log.info(MarkerManager.getMarker("SECURITY_TOKEN"), new ObjectMessage(new Customer(plant("Jean"), plant("Bartik"), plant("1924-12-27"), plant("219-09-6666"), null, false)));
  }

  private static void exceptions() {
    Logger log = in("com.acme.security.TokenClient");
    event();
    Exception suppressed = new IOException("cannot close session of " + plant("suppressed@example.com"));
    Exception cause = new IllegalArgumentException("401 for client_secret=" + plant("0Zt-causeLmXw03Zt.4"));
    Exception e = new TokenException("refresh failed for " + plant("thrown@example.com"), cause);
    e.addSuppressed(suppressed);
    log.error("cannot refresh", e);
    event();
    log.error("ERROR: duplicate key value violates unique constraint \"{}\"", "customers_email_key", new IllegalStateException("ERROR: duplicate key value violates unique constraint \"customers_ssn_key\"\n  Detail: Key (ssn)=(" + plant("219-09-7777") + ") already exists."));
    event();
    log.warn("Field error in object 'customer' on field 'password': rejected value [{}]; codes [{}]", plant("l3tMeIn.2026"), "Size.customer.password,Size.password,Size.java.lang.String,Size");
    event();
    log.error("cannot save", new IllegalStateException("could not execute statement [Duplicate entry '" + plant("k.mcnulty@example.com") + "' for key 'customers.email'] [insert into customers (email,name) values (?,?)]", new IllegalArgumentException("Unrecognized field \"nick\"\n at [Source: (String)\"{\"password\":\"" + plant("J4ckson.3x") + "\",\"nick\":\"x\"}\"; line: 1, column: 42]")));
    event();
    log.error("""

        ********************************************************************************
        Message               : HTTP POST on resource 'https://crm.example.com:443/v2/customers?token=%s' failed: unauthorized (401).
        Element               : upload-invoice/processors/1 @ orders-api:invoices.xml:51 (Request)
        Error type            : HTTP:UNAUTHORIZED
        FlowStack             : at upload-invoice(upload-invoice/processors/1 @ orders-api:invoices.xml:51 (Request))
        Payload               : {firstName=%s, ssn=%s}
        Payload Type          : java.util.LinkedHashMap
        ********************************************************************************
        """.formatted(plant("bXVsZS1lcnJvci10b2tlbi03Nzg"), plant("Annie"), plant("219-09-8888")), new TokenException("Cannot login with {\"password\": \"" + plant("Ex-json.77q") + "\"}", null));
    event();
    log.fatal("out of order", new RuntimeException("line one\npassword=" + plant("L1ne-two.x8") + " \nline three", new IOException("card " + plant("3566002020360505"))));
  }

  public static void main(String[] args) throws IOException {
    Thread.currentThread().setName(FLOW);
    messages();
    parameters();
    web();
    objects();
    payloads();
    contexts();
    structured();
    exceptions();
    LogManager.shutdown();
    Path out = Path.of(System.getProperty("out"));
    Files.write(out.resolve("planted.txt"), PLANTED);
  }

  private Samples() {}
}
