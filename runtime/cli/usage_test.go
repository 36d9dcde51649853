package cli

import (
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/cli/clitest"
)

// Mistakes in the command line exit with 2, before any broker is asked, and say what would be right.
func TestWrongUsage(t *testing.T) {
	for args, want := range map[string]string{
		"":                                "no command given",
		"wrker":                           "worker?",
		"nonsense":                        `no command "nonsense"`,
		"worker --brokr x:1":              "unknown flag: --brokr",
		"worker again":                    `argument "again" is one too many`,
		"worker --broker nowhere":         `broker "nowhere"`,
		"worker --broker embedded,a:1":    "embedded stands alone",
		"worker --broker embedded://here": "write embedded://127.0.0.1:9092",
		"worker --commit-interval soon":   "write 500ms, 10s",
		"worker --commit-interval 0s":     "it must be above 0",
		"worker --exit-after-idle -1s":    "it must be above 0",
		"worker --guarantee exactly_once": "use at_least_once",
		"worker --log-level loud":         "choose debug, info, warn or error",
		"worker --log-format xml":         "choose text or json",
		"worker --topic readings":         "write declared=actual",
		"worker --topic reading=x":        "it has names, readings, words",
		"worker --standbys 1":             "--standbys (FAUST_STANDBYS): this version does not have it yet",
		"worker --tls-ca ca.pem":          "--tls-ca (FAUST_TLS_CA): this version does not have it yet",
		"send readings 1 --sasl-user me":  "--sasl-user",
		"send":                            "give a topic and a value",
		"send readings":                   "either a value or --file",
		"send readings 1 --file x":        "either a value or --file",
		"send readings --file x --key 1":  "each line has its own key",
		"send reading 1":                  "it has names, readings, words",
		"send readings 1 --broker embedded://127.0.0.1:0": "`broker listening`",
		"query":                               "a table, and a key or none",
		"query counts":                        "it has hourly_watts, reading_count",
		"query reading_count seven":           `key "seven" of table reading_count (int64)`,
		"query reading_count 7 --now":         "has no windows to choose from",
		"query hourly_watts 7 --now --at 0":   "choose one of --now, --at and --delta",
		"query hourly_watts 7 --at yesterday": "write 2026-03-01T12:00:00Z",
		"query hourly_watts 7 --delta far":    "write 500ms, 10s",
		"topology --dot --mermaid":            "choose one",
		"reset":                               "--local, --offsets, --internal-topics",
		"completion csh":                      "choose bash, zsh, fish or powershell",
		"topics --app-id":                     "flag needs an argument",
	} {
		t.Run(args, func(t *testing.T) {
			call{}.do(t, strings.Fields(args)...).want(t, exitUsage, want, "--help` says more")
		})
	}
}

// A flag goes before its environment variable, which goes before the default; an empty variable is none.
func TestEnvironment(t *testing.T) {
	env := call{env: map[string]string{"FAUST_TOPIC_PREFIX": "env-", "FAUST_APP_ID": "", "FAUST_TOPIC": "readings=a,words=b", "FAUST_JSON": "true"}}
	o := env.do(t, "topics")
	var topics []topicRow
	if err := json.Unmarshal([]byte(o.stdout), &topics); err != nil {
		t.Fatalf("FAUST_JSON: %v in %s", err, o.stdout)
	}
	var names []string
	for _, topic := range topics {
		names = append(names, topic.Name)
	}
	if got, want := strings.Join(names, " "), "a b env-clitest-hourly_watts-changelog env-clitest-reading_count-changelog env-names"; got != want {
		t.Errorf("topics %s, want %s", got, want)
	}
	env.do(t, "topics", "--topic-prefix", "flag-", "--json=false", "--app-id", "other").want(t, exitDone,
		"flag-other-reading_count-changelog", "flag-names", "on the group flag-other")

	call{env: map[string]string{"FAUST_COMMIT_INTERVAL": "soon"}}.do(t, "worker").want(t, exitUsage, `environment variable FAUST_COMMIT_INTERVAL="soon": "soon" is no duration`)
	call{env: map[string]string{"FAUST_TLS_CA": "ca.pem"}}.do(t, "worker").want(t, exitUsage, "--tls-ca (FAUST_TLS_CA)")
	call{env: map[string]string{"FAUST_JSON": "perhaps"}}.do(t, "agents").want(t, exitUsage, `environment variable FAUST_JSON="perhaps"`)
}

// Every command has a help with examples, and every flag of it names its environment variable.
func TestHelp(t *testing.T) {
	p := &program{app: clitest.Faust(), name: "clitest"}
	seen := map[string]bool{}
	for _, cmd := range p.root().Commands() {
		seen[cmd.Name()] = true
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" && cmd.Name() != "completion" && cmd.Name() != "help" {
			t.Errorf("%s: short, long or example is missing", cmd.Name())
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(f.Usage, "["+variable(f.Name)+"]") {
				t.Errorf("%s --%s does not name its variable", cmd.Name(), f.Name)
			}
		})
		o := call{}.do(t, cmd.Name(), "--help").want(t, exitDone)
		if !strings.Contains(o.stdout, strings.TrimSpace(cmd.Long)) {
			t.Errorf("help of %s: %s", cmd.Name(), o.stdout)
		}
	}
	for _, name := range strings.Fields("worker agents topics tables records send query topology lag reset broker completion version seed") {
		if !seen[name] {
			t.Errorf("no command %s", name)
		}
	}
	call{}.do(t, "worker", "--help").want(t, exitDone, "FAUST_COMMIT_INTERVAL", "FAUST_BROKER", "FAUST_EXIT_AFTER_IDLE", "default ./clitest-data")
	call{}.do(t, "--help").want(t, exitDone, "Package clitest is the application", "seed", "Seed sends as many readings as its argument says, of meter -1.\n")
	call{}.do(t, "completion", "bash").want(t, exitDone, "__start_clitest")
	call{}.do(t, "__complete", "query", "").want(t, exitDone, "reading_count", "hourly_watts")
	call{}.do(t, "__complete", "send", "").want(t, exitDone, "readings")
}

// What the application declares is printed without a broker.
func TestListings(t *testing.T) {
	call{}.do(t, "agents").want(t, exitDone, "AGENT", "count_readings", "CountReadings", "Tables")
	call{}.do(t, "tables").want(t, exitDone, "reading_count", "tumbling 1h grace=10m expires=100d", "Tables.HourlyWatts")
	call{}.do(t, "records").want(t, exitDone, "Reading", "watts", "gte=0")
	call{}.do(t, "topology").want(t, exitDone, "application clitest", "agent count_readings")
	call{}.do(t, "topology", "--mermaid").want(t, exitDone, "flowchart")
	call{}.do(t, "topology", "--dot").want(t, exitDone, "digraph")
	call{}.do(t, "topics").want(t, exitDone, "clitest-reading_count-changelog  changelog  reading_count", "readings", "forever", "compacted", "Create,",
		"Read and Describe on the group clitest")
	for _, command := range []string{"agents", "topics", "tables", "records"} {
		var rows []map[string]any
		if o := (call{}).do(t, command, "--json"); json.Unmarshal([]byte(o.stdout), &rows) != nil || len(rows) == 0 || rows[0]["name"] == "" {
			t.Errorf("%s --json: %s", command, o.stdout)
		}
	}
}

// A part of the declaration that is empty says so, and is an empty array in JSON.
func TestEmptyListings(t *testing.T) {
	for command, want := range map[string]string{"agents": "no agents\n", "topics": "no topics\n", "tables": "no tables\n", "records": "no records\n"} {
		for _, flags := range [][]string{nil, {"--json"}} {
			out, stderr := &buffer{}, &buffer{}
			p := &program{name: "empty", in: strings.NewReader(""), out: out, err: stderr, env: func(string) (string, bool) { return "", false }}
			code := run(t.Context(), faust.NewApp(faust.AppSpec{ID: "empty"}), p, append([]string{command}, flags...))
			if flags != nil {
				want = "[]\n"
			}
			if code != exitDone || out.String() != want {
				t.Errorf("%s %v: code %d, %q, %s", command, flags, code, out, stderr)
			}
		}
	}
}

// A topic that the application does not own has as many partitions as the broker says.
func TestExternalTopicsCount(t *testing.T) {
	app := faust.NewApp(faust.AppSpec{ID: "ext",
		Topics: []faust.TopicSpec{{Field: "In", Name: "in", External: true}, {Field: "Out", Name: "out", Partitions: 3, Retention: 36 * time.Hour}},
		Tables: []faust.TableSpec{{Struct: "T", Field: "N", Name: "n"}},
		Agents: []faust.AgentSpec{{Name: "a", Topics: []string{"in"}, Tables: []string{"T"}, Sink: "out"}}})
	p := &program{app: app}
	_, all, err := p.topicRows(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]topicRow{}
	for _, r := range all.([]topicRow) {
		got[r.Name] = r
	}
	if got["in"].Partitions != 0 || got["ext-n-changelog"].Partitions != 0 || got["out"].Partitions != 3 {
		t.Errorf("partitions %+v", got)
	}
	if acls := strings.Join(got["in"].ACLs, " "); acls != "Describe DescribeConfigs Read" {
		t.Errorf("an external topic that is only read needs %s", acls)
	}
	if got["out"].Retention != "36h" || got["in"].Retention != "broker's default" {
		t.Errorf("retention %q and %q", got["out"].Retention, got["in"].Retention)
	}
}

func TestVersion(t *testing.T) {
	call{}.do(t, "version").want(t, exitDone, "clitest version 1", "faust ", "go       go1.")
	var row versionRow
	if o := (call{}).do(t, "version", "--json"); json.Unmarshal([]byte(o.stdout), &row) != nil || row.App != "clitest" || row.Go == "" {
		t.Errorf("version --json: %s", o.stdout)
	}
	v := versions(&faust.AppSpec{ID: "shop", Version: 2}, &debug.BuildInfo{
		Main:     debug.Module{Path: "shop.example/app", Version: "v1.2.3"},
		Deps:     []*debug.Module{{Path: runtimeModule, Version: "v0.3.0", Replace: &debug.Module{Path: "../faustgen"}}},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-03-01"}, {Key: "vcs.modified", Value: "true"}},
	})
	if v.Version != 2 || v.Module != "shop.example/app" || v.Release != "v1.2.3" || v.Revision != "abc" || !v.Modified || v.Runtime != "v0.3.0 => ../faustgen" {
		t.Errorf("versions: %+v", v)
	}
}

// Negative numbers are arguments, unless they are a flag's value.
func TestNegativeNumbers(t *testing.T) {
	root := (&program{app: clitest.Faust(), name: "clitest"}).root()
	for args, want := range map[string]string{
		"query t -7":                 "query t \x00-7",
		"query t -.5 --now":          "query t \x00-.5 --now",
		"send t -1 --key -2":         "send t \x00-1 --key -2",
		"send t --key=-2 -1":         "send t --key=-2 \x00-1",
		"query t --now -7":           "query t --now \x00-7",
		"query t --delta -5m -- -7":  "query t --delta -5m -- -7",
		"query t -h":                 "query t -h",
		"-7":                         "-7",
		"query t --delta 5m -7 -x 8": "query t --delta 5m \x00-7 -x 8",
	} {
		if got := strings.Join(hideNegatives(root, strings.Fields(args)), " "); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"plain":            "plain",
		"a: lost\nb: lost": "a: lost; b: lost",
		"trailing\n\n":     "trailing",
		"agent X: panic: told to\ngoroutine 7 [running]:\nmain.f(0x1)\n\t/src/f.go:3 +0x1\ncreated by main.g in goroutine 1\n\t/src/g.go:9 +0x2\n; mend it": "agent X: panic: told to; mend it",
	} {
		if got := oneLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "500ms": 500 * time.Millisecond, "0.5d": 12 * time.Hour, "-5m": -5 * time.Minute} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "5", "7days", "1e9d", "xd", "1d2"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is a duration: %v", text, got)
		}
	}
	for d, want := range map[time.Duration]string{0: "", time.Hour: "1h", 90 * time.Minute: "1h30m", 48 * time.Hour: "2d", 5 * time.Second: "5s", 10 * time.Minute: "10m"} {
		if got := short(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for doc, want := range map[string]string{"": "", "One. Two.": "One.", "No end\n\nMore": "No end", "Over\ntwo lines. More": "Over two lines."} {
		if got := sentence(doc); got != want {
			t.Errorf("%q: %q, want %q", doc, got, want)
		}
	}
}
