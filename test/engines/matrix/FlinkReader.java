/**
 * Flink as a reader of the matrix: batch queries in this one process. Requests come as lines on
 * stdin, fields apart by tabs, each field but the first in base64; one line of JSON answers each.
 *
 *   open NAME SQL     a table environment in which this statement was run
 *   read NAME SQL     the rows of a statement: {"columns": [...], "rows": [[...]]}
 *
 * A cell is text or null: digits; the bits of a floating-point number in hex; bytes in hex; days or
 * microseconds since 1970.
 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

public final class FlinkReader {
  private static final Map<String, TableEnvironment> environments = new HashMap<>();

  private static TableEnvironment open(String statement) {
    Configuration configuration = new Configuration();
    configuration.setString("parallelism.default", "1");
    configuration.setString("table.local-time-zone", "UTC");
    TableEnvironment environment =
        TableEnvironment.create(
            EnvironmentSettings.newInstance()
                .inBatchMode()
                .withConfiguration(configuration)
                .build());
    environment.executeSql(statement);
    return environment;
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

  private static String read(TableEnvironment environment, String statement) throws Exception {
    TableResult result = environment.executeSql(statement);
    StringBuilder out = new StringBuilder("{\"columns\":[");
    String between = "";
    for (String column : result.getResolvedSchema().getColumnNames()) {
      out.append(between).append(quoted(column));
      between = ",";
    }
    out.append("],\"rows\":[");
    between = "";
    try (CloseableIterator<Row> rows = result.collect()) {
      while (rows.hasNext()) {
        Row row = rows.next();
        out.append(between).append('[');
        for (int at = 0; at < row.getArity(); at++) {
          out.append(at == 0 ? "" : ",").append(cell(row.getField(at)));
        }
        out.append(']');
        between = ",";
      }
    }
    return out.append("]}").toString();
  }

  /** The deepest cause says what happened; those above it say that something did. */
  private static String told(Throwable error) {
    Throwable cause = error;
    while (cause.getCause() != null) cause = cause.getCause();
    return cause.getClass().getName() + ": " + cause.getMessage();
  }

  private static String answer(String[] fields) {
    try {
      if (fields[0].equals("open")) {
        environments.put(fields[1], open(fields[2]));
        return "{\"version\":" + quoted(EnvironmentInformation.getVersion()) + "}";
      }
      return read(environments.get(fields[1]), fields[2]);
    } catch (Throwable error) {
      error.printStackTrace();
      return "{\"error\":" + quoted(told(error)) + "}";
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
