/**
 * Spark as a reader of the matrix: one process, many sessions. Requests come as lines on stdin,
 * fields apart by tabs, each field but the first in base64; one line of JSON answers each.
 *
 *   open NAME PROPERTIES    a session with these lines of spark-defaults.conf
 *   read NAME SQL           the rows of a statement: {"columns": [...], "rows": [[...]]}
 *
 * A cell is text or null: digits; the bits of a floating-point number in hex; bytes in hex; days or
 * microseconds since 1970.
 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

public final class SparkReader {
  private static final Map<String, SparkSession> sessions = new HashMap<>();

  private static SparkSession open(String text) throws Exception {
    Properties properties = new Properties();
    properties.load(new StringReader(text));
    SparkSession.Builder builder = SparkSession.builder();
    for (String key : properties.stringPropertyNames()) {
      // spark-submit would fetch them: they are in the class path already.
      if (key.equals("spark.jars.packages")) continue;
      builder.config(key, properties.getProperty(key).trim());
    }
    if (sessions.isEmpty()) return builder.getOrCreate();
    SparkSession session = sessions.values().iterator().next().newSession();
    for (String key : properties.stringPropertyNames()) {
      if (!key.startsWith("spark.sql.catalog.")) continue;
      session.conf().set(key, properties.getProperty(key).trim());
    }
    return session;
  }

  private static String cell(Object value) {
    if (value == null) return "null";
    if (value instanceof byte[] bytes) return quoted(HexFormat.of().formatHex(bytes));
    if (value instanceof Double number) {
      return quoted(String.format("%016x", Double.doubleToLongBits(number)));
    }
    if (value instanceof Float number) {
      return quoted(String.format("%08x", Float.floatToIntBits(number)));
    }
    if (value instanceof BigDecimal number) return quoted(number.toPlainString());
    if (value instanceof LocalDate date) return quoted(Long.toString(date.toEpochDay()));
    if (value instanceof LocalDateTime time) return cell(time.toInstant(ZoneOffset.UTC));
    if (value instanceof Instant time) {
      // Instant.until counts nanoseconds, of which a long holds 292 years.
      long seconds = Math.multiplyExact(time.getEpochSecond(), 1_000_000L);
      return quoted(Long.toString(seconds + time.getNano() / 1000));
    }
    return quoted(value.toString());
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (int at = 0; at < text.length(); at++) {
      char letter = text.charAt(at);
      if (letter == '"' || letter == '\\') out.append('\\').append(letter);
      else if (letter < 0x20) out.append(String.format("\\u%04x", (int) letter));
      else out.append(letter);
    }
    return out.append('"').toString();
  }

  private static String read(SparkSession session, String statement) {
    Dataset<Row> data = session.sql(statement);
    StringBuilder out = new StringBuilder("{\"columns\":[");
    String between = "";
    for (String column : data.columns()) {
      out.append(between).append(quoted(column));
      between = ",";
    }
    out.append("],\"rows\":[");
    between = "";
    List<Row> rows = data.collectAsList();
    for (Row row : rows) {
      out.append(between).append('[');
      for (int at = 0; at < row.length(); at++) {
        out.append(at == 0 ? "" : ",").append(cell(row.get(at)));
      }
      out.append(']');
      between = ",";
    }
    return out.append("]}").toString();
  }

  private static String answer(String[] fields) {
    try {
      if (fields[0].equals("open")) {
        SparkSession session = open(fields[2]);
        sessions.put(fields[1], session);
        return "{\"version\":" + quoted(session.version()) + "}";
      }
      return read(sessions.get(fields[1]), fields[2]);
    } catch (Throwable error) {
      error.printStackTrace();
      return "{\"error\":" + quoted(error.getClass().getName() + ": " + error.getMessage()) + "}";
    }
  }

  public static void main(String[] arguments) throws Exception {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err);
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      String[] fields = line.split("\t");
      for (int at = 1; at < fields.length; at++) {
        fields[at] = new String(Base64.getDecoder().decode(fields[at]), StandardCharsets.UTF_8);
      }
      answers.println(answer(fields));
    }
    System.exit(0);
  }
}
