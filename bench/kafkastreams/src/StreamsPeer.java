import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The benchmark's workloads as a Kafka Streams application: "filter" forwards the large orders, "count" counts the
 * orders of every account in a RocksDB store with its cache and changelog. It runs until SIGTERM. The settings are
 * Kafka Streams' own except those that the benchmark's README names.
 *
 * <p>Arguments are --name value pairs: workload, broker, app, in, out (filter only), state, threads, commit (in
 * milliseconds), and events, which counts up to that many records in the last stage and prints
 * "EVENT first" and "EVENT last" with the clock in milliseconds, to check the driver's view from inside.
 */
public final class StreamsPeer {
  /** An order; the fields bear their names on the wire. */
  public static final class Order {
    public String account_id;
    public String product_id;
    public int amount;
    public double price;
    public String ts;
  }

  private static final int BOUND = 3;

  private static Serde<Order> orders() {
    ObjectMapper mapper = new ObjectMapper();
    ObjectReader reader = mapper.readerFor(Order.class);
    ObjectWriter writer = mapper.writerFor(Order.class);
    return Serdes.serdeFrom(
        (topic, order) -> {
          try {
            return writer.writeValueAsBytes(order);
          } catch (IOException e) {
            throw new SerializationException("order for " + topic, e);
          }
        },
        (topic, bytes) -> {
          try {
            return reader.readValue(bytes);
          } catch (IOException e) {
            throw new SerializationException("order of " + topic, e);
          }
        });
  }

  /** Counts what the last stage handles; with no limit it does nothing. */
  private static Runnable ticker(long limit) {
    if (limit <= 0) {
      return () -> {};
    }
    AtomicLong handled = new AtomicLong();
    return () -> {
      long n = handled.incrementAndGet();
      if (n == 1) {
        event("first");
      }
      if (n == limit) {
        event("last");
      }
    };
  }

  private static void event(String name) {
    System.out.println("EVENT " + name + " " + System.currentTimeMillis());
    System.out.flush();
  }

  private static void filter(KStream<String, Order> in, String out, Serde<Order> serde, Runnable tick) {
    in.filter(
            (product, order) -> {
              tick.run();
              return order.amount >= BOUND;
            })
        .to(out, Produced.with(Serdes.String(), serde));
  }

  private static void count(KStream<String, Order> in, Serde<Order> serde, Runnable tick) {
    in.groupBy((product, order) -> order.account_id, Grouped.with("account", Serdes.String(), serde))
        .aggregate(
            () -> 0L,
            (account, order, n) -> {
              tick.run();
              return n + 1;
            },
            Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counts")
                .withKeySerde(Serdes.String())
                .withValueSerde(Serdes.Long())
                .withCachingEnabled());
  }

  public static void main(String[] args) throws InterruptedException {
    Map<String, String> flags = new HashMap<>();
    for (int i = 0; i + 1 < args.length; i += 2) {
      flags.put(args[i].substring("--".length()), args[i + 1]);
    }

    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, flags.get("app"));
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, flags.get("broker"));
    config.put(StreamsConfig.STATE_DIR_CONFIG, flags.get("state"));
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, flags.get("threads"));
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, flags.get("commit"));
    config.put("auto.offset.reset", "earliest");

    Serde<Order> serde = orders();
    Runnable tick = ticker(Long.parseLong(flags.getOrDefault("events", "0")));
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, Order> in = builder.stream(flags.get("in"), Consumed.with(Serdes.String(), serde));
    switch (flags.get("workload")) {
      case "filter" -> filter(in, flags.get("out"), serde, tick);
      case "count" -> count(in, serde, tick);
      default -> throw new IllegalArgumentException("unknown workload " + flags.get("workload"));
    }

    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    // A peer that cannot go on must end, or the driver waits for it until its limit.
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.ERROR) {
            Runtime.getRuntime().halt(1);
          }
        });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(30))));
    streams.start();
    new CountDownLatch(1).await();
  }
}
