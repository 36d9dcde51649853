package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/codec"
)

// errSendInterrupted is errInterrupted where it matters how far it came.
var errSendInterrupted = errors.New("interrupted")

func (p *program) sendCommand() *cobra.Command {
	s, key, file := &settings{}, "", ""
	cmd := &cobra.Command{
		Use:   "send <topic> [value]",
		Short: "Send a value, or a file of them, to a topic",
		Long: `Send one JSON value to a declared topic, with the key's text form in --key, or without a key. The value null deletes the key.

--file sends each line of a file, or of stdin with -, a JSON object: {"key":…,"value":…,"time":…}. key is a JSON value of the topic's key
type and may be left out; value is required, null deletes the key; time is RFC 3339 or ms since 1970, and by default now.

Every value is checked against its record first. A line that is wrong ends the command with its number and the reason; the lines before it
have been sent by then, and it is said how many. The topic is created if it is absent and not external.`,
		Example: "  " + p.name + ` send greetings '{"from":"Faust","to":"you"}' --key you` + "\n  " + p.name + " send orders --file orders.jsonl\n  " +
			"zcat orders.jsonl.gz | " + p.name + " send orders --file -",
		ValidArgsFunction: p.completeTopics,
		RunE: p.does(func(cmd *cobra.Command, args []string) error {
			fromFile, hasKey := cmd.Flags().Changed("file"), cmd.Flags().Changed("key")
			want := "a topic and a value, or a topic and --file"
			if err := arguments(args, 1, 2, want); err != nil {
				return err
			}
			topic := p.topic(args[0])
			switch {
			case topic == nil:
				return usagef("this application declares no topic %q; it has %s", args[0], p.topicNames())
			case fromFile == (len(args) == 2):
				return usagef("give either a value or --file, not both or neither")
			case fromFile && hasKey:
				return usagef("--key is for one value; with --file each line has its own key")
			}
			opts, err := p.clientOptions(cmd, s, quiet(p.err))
			if err != nil {
				return err
			}
			e := envelopes{topic: topic}
			if fromFile {
				return p.sendFile(cmd.Context(), opts, &e, file)
			}
			var text *string
			if hasKey {
				text = &key
			}
			return p.sendOne(cmd.Context(), opts, &e, text, args[1])
		}),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&key, "key", "", "the key's `text` form; a record as a key: JSON; default no key")
	f.StringVar(&file, "file", "", "`file` with a JSON object in each line, or - for stdin")
	s.connection(f, "")
	return cmd
}

// sendOne sends a value of the command line. The value is checked before a broker is asked for.
func (p *program) sendOne(ctx context.Context, opts []faust.Option, e *envelopes, key *string, value string) error {
	raw := faust.Raw{Topic: e.topic.Name, Partition: -1, Time: time.Now().UnixMilli()}
	var err error
	if key != nil {
		if raw.Key, err = e.topic.EncodeKey(*key); err != nil {
			return fmt.Errorf("key %q of topic %s (%s): %w", *key, e.topic.Name, e.topic.KeyType, err)
		}
		if raw.Key == nil {
			raw.Key = []byte{}
		}
	}
	if raw.Value, err = e.value([]byte(value)); err != nil {
		return fmt.Errorf("topic %s (%s): %w", e.topic.Name, e.topic.ValueType, err)
	}
	if err := e.check(&raw); err != nil {
		return err
	}
	more := true
	return p.sendAll(ctx, opts, e.topic.Name, func() (faust.Raw, bool, error) {
		defer func() { more = false }()
		return raw, more, nil
	})
}

// sendFile sends the lines of a file.
func (p *program) sendFile(ctx context.Context, opts []faust.Option, e *envelopes, file string) (err error) {
	in, name := p.in, "stdin"
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("%w; --file names a file that can be read, or - for stdin", err)
		}
		defer func() { err = errors.Join(err, opened.Close()) }()
		in, name = opened, file
	}
	lines := lineReader{r: bufio.NewReaderSize(in, 1<<20)}
	return p.sendAll(ctx, opts, e.topic.Name, func() (faust.Raw, bool, error) {
		for {
			if ctx.Err() != nil {
				return faust.Raw{}, false, errSendInterrupted
			}
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				return faust.Raw{}, false, nil
			}
			if err != nil {
				return faust.Raw{}, false, fmt.Errorf("read %s: %w", name, err)
			}
			if blank(line) {
				continue
			}
			raw, err := e.read(line)
			if err != nil {
				return raw, false, fmt.Errorf("%s, line %d: %w", name, lines.n, err)
			}
			return raw, true, nil
		}
	})
}

// sendAll sends what next returns, and says how much that was.
func (p *program) sendAll(ctx context.Context, opts []faust.Option, topic string, next func() (faust.Raw, bool, error)) error {
	if err := p.reach(ctx, opts); err != nil {
		return err
	}
	var bad error
	// Not ended by a signal: next is, and what it returned before is still to be acknowledged.
	sent, err := p.app.SendRaw(context.WithoutCancel(ctx), func() (raw faust.Raw, more bool, err error) {
		raw, more, bad = next()
		return raw, more, bad
	}, opts...)
	switch {
	case err == nil:
		fmt.Fprintf(p.out, "sent %d %s to %s\n", sent, plural(sent, "record"), topic)
		return nil
	case bad != nil && err.Error() == bad.Error(): // and all before it has been acknowledged
		return fmt.Errorf("%w; %d %s before it were sent", bad, sent, plural(sent, "record"))
	case sent > 0:
		return fmt.Errorf("send to %s: %w; of the %d %s up to there some may not have been sent", topic, err, sent, plural(sent, "record"))
	}
	return fmt.Errorf("send to %s: %w", topic, err)
}

func plural(n int64, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// envelopes reads the lines of a file to be sent to a topic.
type envelopes struct {
	topic  *faust.TopicSpec
	reader codec.Reader
}

// read makes a record of a line. What it returns may alias the line.
func (e *envelopes) read(line []byte) (faust.Raw, error) {
	raw := faust.Raw{Topic: e.topic.Name, Partition: -1}
	var key, value, at []byte
	r := &e.reader
	r.Reset(line)
	if r.Null() || !r.Object() {
		if r.Err() == nil {
			return raw, errors.New(`null is no object; write {"key":…,"value":…,"time":…}`)
		}
		return raw, r.Err()
	}
	for r.Member() {
		var into *[]byte
		switch name := string(r.Name()); name {
		case "key":
			into = &key
		case "value":
			into = &value
		case "time":
			into = &at
		default:
			return raw, fmt.Errorf("unknown member %q; a line has key, value and time", name)
		}
		if *into != nil {
			return raw, fmt.Errorf("member %q twice", r.Name())
		}
		*into = r.Raw()
	}
	if err := r.Finish(); err != nil {
		return raw, err
	}
	if value == nil {
		return raw, errors.New("no value; write null to delete the key")
	}
	var err error
	if raw.Time, err = sendTime(at); err != nil {
		return raw, err
	}
	if key != nil && string(key) != "null" {
		if raw.Key, err = e.topic.EncodeKeyJSON(key); err != nil {
			return raw, fmt.Errorf("key (%s): %w", e.topic.KeyType, err)
		}
		if raw.Key == nil {
			raw.Key = []byte{}
		}
	}
	if raw.Value, err = e.value(value); err != nil {
		return raw, err
	}
	return raw, e.check(&raw)
}

// value checks a JSON value and returns its bytes on the topic; nil for null.
func (e *envelopes) value(json []byte) ([]byte, error) {
	if e.reader.Reset(json); e.reader.Null() && e.reader.Finish() == nil {
		return nil, nil
	}
	b, _, err := e.topic.EncodeValue(json)
	if err != nil {
		return nil, fmt.Errorf("value: %w%s", err, e.hint(json))
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
}

// hint helps with the most frequent slip: a bare word where JSON has quotes.
func (e *envelopes) hint(json []byte) string {
	e.reader.Reset(json)
	e.reader.Skip()
	if e.topic.ValueType == "string" && e.reader.Finish() != nil {
		return fmt.Sprintf("; values are JSON, also for codec=text: write '%q'", json)
	}
	return ""
}

func (e *envelopes) check(raw *faust.Raw) error {
	if e.topic.Compact && raw.Key == nil {
		return fmt.Errorf("topic %s is compacted, so every record needs a key", e.topic.Name)
	}
	return nil
}

// sendTime reads the time of a line: now if it has none.
func sendTime(at []byte) (int64, error) {
	if at == nil || string(at) == "null" {
		return time.Now().UnixMilli(), nil
	}
	text := string(at)
	if quoted := len(text) >= 2 && text[0] == '"'; quoted {
		text = text[1 : len(text)-1]
		if len(text) > 0 && text[0] >= '0' && text[0] <= '9' && len(text) < len("2006-01-02T15:04:05Z") {
			return 0, fmt.Errorf("time: %q is no RFC 3339 time; ms since 1970 stand without quotes", text)
		}
	}
	t, err := parseTime(text)
	if err != nil {
		return 0, fmt.Errorf("time: %w", err)
	}
	if t.UnixMilli() < 0 {
		return 0, fmt.Errorf("time: %s is before 1970, which Kafka does not take", text)
	}
	return t.UnixMilli(), nil
}

// lineReader reads lines of any length; each is valid until the next.
type lineReader struct {
	r    *bufio.Reader
	long []byte
	n    int // of the line read last
}

func (l *lineReader) next() ([]byte, error) {
	l.n++
	line, err := l.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		if errors.Is(err, io.EOF) && len(line) > 0 {
			err = nil
		}
		return line, err
	}
	l.long = l.long[:0]
	for errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long, line...)
		line, err = l.r.ReadSlice('\n')
	}
	l.long = append(l.long, line...)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return l.long, err
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}
