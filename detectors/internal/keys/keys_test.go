package keys

import (
	"slices"
	"strings"
	"testing"
)

func lookup(d *Dictionary, key string) (Term, bool) {
	var k Key
	k.Add([]byte(key))
	return d.Lookup(&k)
}

func kindsOf(t Term) (out []string) {
	for i, k := range Kinds() {
		if t.Kinds>>i&1 != 0 {
			out = append(out, k)
		}
	}
	return out
}

func TestLookup(t *testing.T) {
	d := Default()
	for key, want := range map[string]string{
		"firstName": "name", "first_name": "name", "FIRST-NAME": "name", "First name": "name", "firstname": "name", "FirstName1": "name",
		"customerFirstName": "name", "customer.first.name": "name", "CUSTOMER_FIRST_NAME": "name", "firstNames": "name",
		"customerphone": "phone", "homePhone": "phone", "phoneNumber": "phone", "phone_number_2": "phone", "x-phone-number": "phone",
		"dateOfBirth": "dob", "date_of_birth": "dob", "DOB": "dob", "birthDate": "dob", "customerDOB": "dob",
		"ssnNumber": "ssn", "SSNValue": "ssn", "social_security_number": "ssn", "customerSSN": "ssn",
		"emailAddress": "email", "email": "email", "billingAddress": "address", "addressLine1": "address", "address": "address",
		"nationalInsuranceNumber": "nationalid", "healthInsuranceNumber": "insurance", "cardSecurityCode": "cvv",
		"zip": "postcode", "zipCode": "postcode", "postal-code": "postcode", "geburtsdatum": "dob", "codice fiscale": "nationalid",
	} {
		term, ok := lookup(d, key)
		if got := strings.Join(kindsOf(term), ","); !ok || got != want {
			t.Errorf("%s tells of %q (%v), want %q", key, got, ok, want)
		}
	}
	for _, key := range []string{
		"", "x", "na", "phoneVerified", "addressFamily", "emailVerified", "accountType", "tokenCount", "ipAddress", "ip_address", "remote-address", "MacAddr",
		"fileName", "hostname", "hostName", "serverName", "syntax", "phoneHome", "capacity", "velocity", "microphone", "birthdayParty",
		"streetview", "passportControl", "zipfile", "surnameCount", strings.Repeat("firstName", 20), "address_count", "serverAddress",
	} {
		if term, ok := lookup(d, key); ok {
			t.Errorf("%s tells of %q", key, kindsOf(term))
		}
	}
	for key, want := range map[string]bool{"name": true, "customerName": false, "patient_name": false, "city": true, "billingCity": false, "surname": false} {
		if term, ok := lookup(d, key); !ok || term.Weak != want {
			t.Errorf("%s: weak %v, want %v", key, term.Weak, want)
		}
	}
}

// TestAnchors holds the anchors against the terms: whoever writes a term in one of the usual
// ways has written one of the anchors of its kind.
func TestAnchors(t *testing.T) {
	d := Default()
	camel := func(words []string) string {
		out := words[0]
		for _, w := range words[1:] {
			out += strings.ToUpper(w[:1]) + w[1:]
		}
		return out
	}
	for _, kind := range Kinds() {
		anchors := d.Anchors(kind)
		if len(anchors) == 0 || !slices.IsSorted(anchors) {
			t.Errorf("%s: anchors %q", kind, anchors)
		}
		for _, a := range anchors {
			if len(a) < 3 || strings.ToLower(a) != a {
				t.Errorf("%s: anchor %q", kind, a)
			}
		}
		for _, text := range d.Terms(kind) {
			words := strings.Split(text, " ")
			for _, key := range []string{camel(words), strings.Join(words, "_"), strings.ToUpper(strings.Join(words, "_")), strings.Join(words, "")} {
				term, ok := lookup(d, key)
				if !ok || !slices.Contains(kindsOf(term), kind) {
					t.Errorf("%s is not known to tell of %s", key, kind)
				}
				for _, form := range []string{` "KEY":`, ` \"KEY\":`, " KEY=", " KEY:", "<KEY>"} {
					written := strings.ReplaceAll(form, "KEY", key)
					if form == "<KEY>" && len(words) == 1 && common[text] && !term.Weak && !tags[text] {
						continue // short common words are not looked for in XML
					}
					if !slices.ContainsFunc(anchors, func(a string) bool { return strings.Contains(strings.ToLower(written), a) }) {
						t.Errorf("%s has none of the anchors of %s", written, kind)
					}
				}
			}
		}
	}
}

func TestWith(t *testing.T) {
	d, err := Default().With(map[string][]string{"name": {"artist", "city"}, "account": {"ledger ref"}}, []string{"holder name", "zip"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"artist": "name", "mainArtist": "name", "ledgerRef": "account", "city": "name", "holderName": "", "zip": "", "firstName": "name"} {
		term, ok := lookup(d, key)
		if got := strings.Join(kindsOf(term), ","); got != want || ok != (want != "") || term.Weak {
			t.Errorf("%s tells of %q, want %q", key, got, want)
		}
	}
	for _, kind := range []string{"name", "account"} {
		if len(d.Terms(kind)) <= len(Default().Terms(kind)) {
			t.Errorf("the terms of %s are not more", kind)
		}
	}
	if _, ok := lookup(Default(), "artist"); ok {
		t.Error("the default has the terms of another dictionary")
	}
	for _, bad := range []string{"", "ab", "Name", "first  name", "first_name", "naïve", "a b c d e f g", strings.Repeat("x", 41)} {
		if _, err := d.With(map[string][]string{"name": {bad}}, nil); err == nil {
			t.Errorf("%q is taken for a term", bad)
		}
	}
	if _, err := d.With(map[string][]string{"color": {"red"}}, nil); err == nil {
		t.Error("a kind without keys is taken")
	}
}
