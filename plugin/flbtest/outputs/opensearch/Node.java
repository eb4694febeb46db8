import org.codelibs.opensearch.runner.OpenSearchRunner;

/** A node of OpenSearch in a folder, at a port of the loopback interface, until its standard input ends. */
public class Node {
    public static void main(String[] args) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", args[1]);
        });
        runner.build(OpenSearchRunner.newConfigs().basePath(args[0]).numOfNode(1).clusterName("logveil"));
        runner.ensureYellow();
        while (System.in.read() >= 0) {
        }
        runner.close();
    }
}
