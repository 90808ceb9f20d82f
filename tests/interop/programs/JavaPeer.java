// JSSE; see ../README.md for what it is told. usage: java JavaPeer.java client|server

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import java.net.InetAddress;
import java.net.Socket;
import java.util.List;

public class JavaPeer {
    static final byte[] TRAILER = "interop-end\n".getBytes(StandardCharsets.US_ASCII);
    static final String[] VERSIONS = {"TLSv" + System.getenv("TLS_VERSION")};
    static final int PORT = Integer.parseInt(System.getenv("TLS_PORT"));

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("server")) {
            server();
            return;
        }
        try {
            client();
        } catch (IOException error) {
            say("error", error);
        }
    }

    static void say(String kind, Object what) {
        System.out.println(kind + ": " + what);
    }

    static Certificate certificate(String path) throws Exception {
        try (InputStream stream = Files.newInputStream(Path.of(path))) {
            return CertificateFactory.getInstance("X.509").generateCertificate(stream);
        }
    }

    static PrivateKey key(String path) throws Exception {
        String text = Files.readString(Path.of(path)).replaceAll("-----[A-Z ]+-----|\\s", "");
        byte[] der = Base64.getDecoder().decode(text);
        return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
    }

    static SSLContext context() throws Exception {
        KeyManagerFactory keys = null;
        TrustManagerFactory trust = null;
        if (System.getenv("TLS_CERT") != null) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            Certificate[] chain = {certificate(System.getenv("TLS_CERT"))};
            store.setKeyEntry("own", key(System.getenv("TLS_KEY")), new char[0], chain);
            keys = KeyManagerFactory.getInstance("PKIX");
            keys.init(store, new char[0]);
        }
        if (System.getenv("TLS_CA") != null) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setCertificateEntry("ca", certificate(System.getenv("TLS_CA")));
            trust = TrustManagerFactory.getInstance("PKIX");
            trust.init(store);
        }
        SSLContext found = SSLContext.getInstance("TLS");
        found.init(
            keys == null ? null : keys.getKeyManagers(),
            trust == null ? null : trust.getTrustManagers(),
            null);
        return found;
    }

    static boolean endsWithTrailer(byte[] data) {
        int from = data.length - TRAILER.length;
        return from >= 0 && Arrays.equals(Arrays.copyOfRange(data, from, data.length), TRAILER);
    }

    /** Reads up to the end, or to the trailer; only small answers are looked at for that. */
    static byte[] read(InputStream stream, boolean untilTrailer) throws IOException {
        ByteArrayOutputStream got = new ByteArrayOutputStream();
        byte[] tail = new byte[0];
        byte[] buffer = new byte[65536];
        int size;
        while ((size = stream.read(buffer)) > 0) {
            got.write(buffer, 0, size);
            byte[] joined = Arrays.copyOf(tail, tail.length + size);
            System.arraycopy(buffer, 0, joined, tail.length, size);
            if (untilTrailer && endsWithTrailer(joined)) {
                break;
            }
            tail = Arrays.copyOfRange(joined, Math.max(0, joined.length - TRAILER.length), joined.length);
        }
        return got.toByteArray();
    }

    static void client() throws Exception {
        SSLContext context = context();
        boolean untilTrailer = System.getenv("TLS_UNTIL").equals("trailer");
        byte[] request = Files.readAllBytes(Path.of(System.getenv("TLS_REQUEST")));
        int times = Integer.parseInt(System.getenv("TLS_TIMES"));
        for (int number = 0; number < times; number++) {
            Socket plain = new Socket("127.0.0.1", PORT);
            plain.setSoTimeout(10000);
            // The name and the port are what JSSE keeps sessions by.
            try (SSLSocket socket =
                    (SSLSocket) context.getSocketFactory().createSocket(plain, "localhost", PORT, true)) {
                SSLParameters parameters = socket.getSSLParameters();
                parameters.setProtocols(VERSIONS);
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                parameters.setServerNames(List.of(new SNIHostName("localhost")));
                socket.setSSLParameters(parameters);
                socket.getOutputStream().write(request);
                byte[] answer = read(socket.getInputStream(), untilTrailer);
                Files.write(Path.of(System.getenv("TLS_ANSWER")), answer);
                say("end", untilTrailer ? "ours" : "end");
            }
        }
    }

    static void server() throws Exception {
        SSLServerSocket listener = (SSLServerSocket) context().getServerSocketFactory()
            .createServerSocket(PORT, 50, InetAddress.getByName("127.0.0.1"));
        listener.setEnabledProtocols(VERSIONS);
        listener.setNeedClientAuth(System.getenv("TLS_CA") != null);
        while (true) {
            try (SSLSocket socket = (SSLSocket) listener.accept()) {
                socket.setSoTimeout(10000);
                socket.getOutputStream().write(read(socket.getInputStream(), true));
            } catch (IOException error) {
                say("error", error);
            }
        }
    }
}
