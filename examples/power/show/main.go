// Command show runs the power example from beginning to end and shows what it does: a worker on the embedded broker, the readings of a
// month, the table as it fills, and the averages as they come out. It ends by itself.
//
//	go build -o bin/power ./examples/power/cmd/power
//	go run ./examples/power/show -worker bin/power [-kill] [-rows averages.tsv]
//
// The averages are read from the output topic by a plain consumer, which knows nothing of the worker or its tables, and are compared
// with averages that are computed here from the file. With -kill the worker is killed (kill -9) in the middle and started again.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/faustgen/faustgen/examples/power"
)

func main() {
	worker := flag.String("worker", "bin/power", "the worker's binary")
	kill := flag.Bool("kill", false, "kill the worker with signal 9 in the middle, and start it again")
	rows := flag.String("rows", "", "write all averages to this file")
	data := flag.String("data", "", "the household's CSV file (default: POWER_DATA, "+power.DefaultData+", or made-up days)")
	broker := flag.String("broker", "", "a Kafka broker to run on (default: the embedded one)")
	flag.Parse()

	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
	defer stop()
	if err := run(ctx, options{*worker, *kill, *rows, *data, *broker}); err != nil {
		fmt.Fprintln(os.Stderr, "show:", err)
		os.Exit(1)
	}
}

type options struct {
	worker string
	kill   bool
	rows   string
	data   string
	broker string
}

// lastHours is how many hours of the house are printed.
const lastHours = 24

func run(ctx context.Context, o options) error {
	began := time.Now()
	want, err := expect(o.data)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "power")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := filepath.Abs(o.worker)
	if err != nil {
		return err
	}
	w := &worker{binary: binary, dir: dir, broker: o.broker, embedded: o.broker == ""}
	if err := w.start(ctx); err != nil {
		return err
	}
	defer w.stop()
	fmt.Printf("worker on %s; loading %s\n", w.broker, want.from)

	loaded := w.load(ctx, o.data)
	if err := w.watch(ctx, loaded, want.readings, o.kill); err != nil {
		return err
	}
	got, err := w.consume(ctx, want)
	if err != nil {
		return err
	}
	if err := w.stop(); err != nil {
		return err
	}
	if o.rows != "" {
		if err := os.WriteFile(o.rows, got.tsv(), 0o644); err != nil {
			return err
		}
	}
	got.print(os.Stdout)
	return want.compare(os.Stdout, got, time.Since(began))
}
