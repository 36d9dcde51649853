package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	faust "github.com/faustgen/faustgen/runtime"
)

// settings are the flags that several commands share. A command has only those that it registered; the others keep their zero value,
// which stands for the default everywhere.
type settings struct {
	broker                string
	dataDir               string
	web, advertise        string
	logLevel, logFormat   string
	commitInterval        duration
	exitAfterIdle         duration
	guarantee, instanceID string
	appID, topicPrefix    string
	topics                []string
}

// names registers the flags that change what things are called on the broker.
func (s *settings) names(f *pflag.FlagSet) {
	f.StringVar(&s.appID, "app-id", "", "the application's `id`, and so the name of its group, its internal topics and its data directory; default: the id in //faust:app")
	f.StringSliceVar(&s.topics, "topic", nil, "the name that a declared topic has on this broker, `declared=actual`; may be given several times")
	f.StringVar(&s.topicPrefix, "topic-prefix", "", "`text` put before the names of all topics and of the group, except topics renamed with --topic")
}

// later are flags of the language that this version does not act on.
var later = []struct{ name, usage string }{
	{"tls-ca", "certificates to check the brokers' with, as PEM `file`; not in this version"},
	{"tls-cert", "own certificate, as PEM `file`; not in this version"},
	{"tls-key", "own private key, as PEM `file`; not in this version"},
	{"sasl-mechanism", "`mechanism` to log in with: plain, scram-sha-256 or scram-sha-512; not in this version"},
	{"sasl-user", "`name` to log in with; not in this version"},
	{"sasl-password-file", "`file` with the password to log in with; not in this version"},
	{"standbys", "`number` of copies of every table that are kept on other workers; not in this version"},
}

// connection registers the flags of a command that speaks to a broker.
func (s *settings) connection(f *pflag.FlagSet, embedded string) {
	f.StringVar(&s.broker, "broker", "", "some of the cluster's brokers, `host:port`, separated by commas"+embedded+"; default localhost:9092")
	s.names(f)
	s.logging(f)
	for _, l := range later {
		if l.name != "standbys" {
			f.String(l.name, "", l.usage)
		}
	}
}

func (s *settings) logging(f *pflag.FlagSet) {
	f.StringVar(&s.logLevel, "log-level", "", "how much is logged on stderr: `level` debug, info, warn or error")
	f.StringVar(&s.logFormat, "log-format", "", "`format` of the log: text or json; default text")
}

func (s *settings) data(f *pflag.FlagSet, id string) {
	f.StringVar(&s.dataDir, "datadir", "", "`directory` of the tables' local state and of the embedded broker; default ./"+id+"-data")
}

// checkLater refuses flags that would have no effect.
func checkLater(f *pflag.FlagSet) error {
	for _, l := range later {
		if f.Changed(l.name) {
			return usagef("--%s (%s): this version does not have it yet; leave it out", l.name, variable(l.name))
		}
	}
	return nil
}

// options are the settings as options, checked.
func (p *program) options(cmd *cobra.Command, s *settings) ([]faust.Option, error) {
	if err := checkLater(cmd.Flags()); err != nil {
		return nil, err
	}
	var opts []faust.Option
	add := func(set bool, o faust.Option) {
		if set {
			opts = append(opts, o)
		}
	}
	add(s.broker != "", faust.Broker(s.broker))
	add(s.dataDir != "", faust.DataDir(s.dataDir))
	add(s.web != "", faust.Web(s.web))
	add(s.advertise != "", faust.Advertise(s.advertise))
	add(cmd.Flags().Changed("commit-interval"), faust.CommitInterval(time.Duration(s.commitInterval)))
	add(s.guarantee != "", faust.Guarantee(s.guarantee))
	add(s.instanceID != "", faust.InstanceID(s.instanceID))
	add(s.appID != "", faust.AppID(s.appID))
	add(s.topicPrefix != "", faust.TopicPrefix(s.topicPrefix))
	add(s.exitAfterIdle != 0, faust.ExitAfterIdle(time.Duration(s.exitAfterIdle)))
	if s.exitAfterIdle < 0 {
		return nil, usagef("--exit-after-idle %s: it must be above 0", s.exitAfterIdle.String())
	}
	for _, t := range s.topics {
		declared, actual, ok := strings.Cut(t, "=")
		if !ok || actual == "" {
			return nil, usagef("--topic %q: write declared=actual", t)
		}
		if p.topic(declared) == nil {
			return nil, usagef("--topic %q: this application declares no topic %s; it has %s", t, declared, p.topicNames())
		}
		opts = append(opts, faust.TopicName(declared, actual))
	}
	if _, err := p.app.Group(opts...); err != nil {
		return nil, usageError{err}
	}
	return opts, nil
}

// topic is a declared topic, nil if there is none of that name.
func (p *program) topic(name string) *faust.TopicSpec {
	topics := p.app.Spec().Topics
	if i := slices.IndexFunc(topics, func(t faust.TopicSpec) bool { return t.Name == name }); i >= 0 {
		return &topics[i]
	}
	return nil
}

func (p *program) topicNames() string {
	var names []string
	for _, t := range p.app.Spec().Topics {
		names = append(names, t.Name)
	}
	return list(names, "no topics")
}

func (p *program) tableNames() string {
	var names []string
	for _, t := range p.app.Spec().Tables {
		names = append(names, t.Name)
	}
	return list(names, "no tables")
}

func list(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// logger makes the log, which is that of the user's code too.
func (p *program) logger(s *settings, level slog.Level) (*slog.Logger, error) {
	if s.logLevel != "" {
		switch strings.ToLower(s.logLevel) {
		case "debug", "info", "warn", "error":
		default:
			return nil, usagef("--log-level %q: choose debug, info, warn or error", s.logLevel)
		}
		if err := level.UnmarshalText([]byte(s.logLevel)); err != nil {
			return nil, usagef("--log-level %q: %w", s.logLevel, err)
		}
	}
	var log *slog.Logger
	switch s.logFormat {
	case "", "text":
		log = slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
	case "json":
		log = slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: level}))
	default:
		return nil, usagef("--log-format %q: choose text or json", s.logFormat)
	}
	slog.SetDefault(log)
	return log, nil
}

// quiet is the level of commands whose output is their result: a person is told what is waited for, a script is not.
func quiet(stderr io.Writer) slog.Level {
	if f, ok := stderr.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.LevelWarn
		}
	}
	return slog.LevelError
}

// variable is a flag's environment variable.
func variable(flag string) string {
	return "FAUST_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// showVariables writes each flag's variable into its help.
func showVariables(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage += " [" + variable(f.Name) + "]" })
		showVariables(cmd)
	}
}

// applyEnv sets the flags that were not given from their environment variables. An empty variable is none.
func (p *program) applyEnv(cmd *cobra.Command) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || failed != nil {
			return
		}
		if value, ok := p.env(variable(f.Name)); ok && value != "" {
			if err := cmd.Flags().Set(f.Name, value); err != nil {
				failed = usagef("environment variable %s=%q: %w", variable(f.Name), value, cause(err))
			}
		}
	})
	return failed
}

// cause takes pflag's own sentence, which names the flag, off an error.
func cause(err error) error {
	if inner, ok := err.(interface{ Unwrap() error }); ok && inner.Unwrap() != nil {
		return inner.Unwrap()
	}
	return err
}

// duration is a flag's value: a Go duration, with d for days of 24 h too.
type duration time.Duration

func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

func (d *duration) Type() string { return "duration" }

func (d *duration) Set(text string) error {
	parsed, err := parseDuration(text)
	*d = duration(parsed)
	return err
}

func parseDuration(text string) (time.Duration, error) {
	rest, days := text, time.Duration(0)
	if before, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseFloat(before, 64)
		if err != nil || n > 100_000 || n < -100_000 {
			return 0, fmt.Errorf("%q is no duration; write 500ms, 10s, 5m, 1h30m or 7d", text)
		}
		rest, days = after, time.Duration(n*24*float64(time.Hour))
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration; write 500ms, 10s, 5m, 1h30m or 7d", text)
	}
	return days + d, nil
}

// parseTime reads a time of the command line or of a line to be sent: RFC 3339, or ms since 1970.
func parseTime(text string) (time.Time, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time; write 2026-03-01T12:00:00Z, or ms since 1970", text)
	}
	return t.UTC(), nil
}
