package kafka

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script writes a stand-in for kafka.sh that notes its arguments in the file calls.
func script(t *testing.T, body string) (path string, calls func() string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "kafka.sh")
	note := filepath.Join(dir, "calls")
	text := "#!/bin/sh\necho \"$*\" >>" + note + "\n" + body
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, func() string {
		b, err := os.ReadFile(note)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

func TestStartThatGoesWrongStopsTheBroker(t *testing.T) {
	for name, body := range map[string]string{
		"start": `case $1 in start) exit 1 ;; esac`,
		"id":    `case $1 in start) echo 127.0.0.1:1 ;; id) exit 1 ;; esac`,
		"pid":   `case $1 in start) echo 127.0.0.1:1 ;; id) echo K ;; pid) echo none ;; esac`,
	} {
		path, calls := script(t, body)
		if _, err := Start(context.Background(), path, "/data"); err == nil {
			t.Errorf("%s does not work, but there is a broker", name)
		}
		if got := calls(); !strings.HasSuffix(got, "stop --dir /data\n") {
			t.Errorf("%s does not work; called were\n%s, want stop as the last", name, got)
		}
	}
}

func TestTheScriptsAnswersAreTrimmedAndItsFailuresNamed(t *testing.T) {
	path, calls := script(t, `case $1 in version) echo 4.1.0 ;; libs) echo "/jars/*" ;; *) exit 3 ;; esac`)
	if got, err := Version(context.Background(), path); err != nil || got != "4.1.0" {
		t.Errorf("the version is %q, %v", got, err)
	}
	if got, err := Libs(context.Background(), path, "p.xml"); err != nil || got != "/jars/*" {
		t.Errorf("the class path is %q, %v", got, err)
	}
	err := Javac(context.Background(), path, "p.xml", "out", "A.java")
	if err == nil || !strings.Contains(err.Error(), "javac --pom p.xml") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a compiler that fails gives %v", err)
	}
	if got := calls(); !strings.Contains(got, "libs --pom p.xml\n") || !strings.HasSuffix(got, "-proc:none A.java\n") {
		t.Errorf("called were\n%s", got)
	}
}
