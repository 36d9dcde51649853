package badger

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/faustgen/faustgen/runtime/store"
	"github.com/faustgen/faustgen/runtime/store/storetest"
)

func openAt(t testing.TB, dir string) store.Store {
	t.Helper()
	s, err := Open(dir, Options{MinFree: -1})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

func TestBadger(t *testing.T) { storetest.RunDurable(t, openAt) }

func BenchmarkBadger(b *testing.B) { storetest.Benchmark(b, openAt) }

func TestDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	_, err := Open(dir, Options{})
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("second open: %v, want ErrLocked", err)
	}
	for _, part := range []string{dir, "another worker uses it; give this one its own with --datadir"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openAt(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		_, err := Open(dir, Options{})
		if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--datadir") {
			t.Errorf("open %s: %v; want the directory and the remedy", dir, err)
		}
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if _, known := freeBytes(dir); !known {
		t.Log("this system does not tell the room left; only the absence of the check is tested")
		if err := openAt(t, dir).Close(); err != nil {
			t.Error(err)
		}
		return
	}
	const never = 1 << 62
	huge := Options{MinFree: never, MemTableSize: never / 4}
	if _, err := Open(dir, huge); !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("open: %v, want ErrFull with its remedy", err)
	}
	s := openAt(t, dir)
	var b store.Batch
	b.Put([]byte("k"), []byte("v"))
	s.(*db).minFree, s.(*db).memTable = never, never/4 // the disk fills up
	if err := s.Apply(&b); !errors.Is(err, store.ErrFull) {
		t.Fatalf("apply: %v, want ErrFull", err)
	}
	if _, ok, err := s.Get(nil, []byte("k")); ok || err != nil {
		t.Fatalf("get after a refused batch: %v, %v; want nothing", ok, err)
	}
	s.(*db).memTable = 1 // and has room for a store of this size
	if err := s.Apply(&b); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Get(nil, []byte("k")); !ok || err != nil {
		t.Fatalf("get: %v, %v; want the value", ok, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsOfTheSystem(t *testing.T) {
	for text, want := range map[string]string{
		syscall.EROFS.Error():  "make the files writable",
		syscall.ENOSPC.Error(): "make room",
		syscall.EMFILE.Error(): "the data is not damaged",
	} {
		err := openError("/data", fmt.Errorf("while opening memtables: %s", text))
		if errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q, and no word of damage", text, err, want)
		}
	}
}

// fillAndClose leaves a closed store with one table file.
func fillAndClose(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s := openAt(t, dir)
	var b store.Batch
	for i := range 1000 {
		b.Put(fmt.Appendf(nil, "key-%d", i), []byte("value"))
	}
	if err := s.Apply(&b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDamagedFiles(t *testing.T) {
	oneTable := func(t *testing.T, dir string) string {
		names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no table in %s: %v", dir, err)
		}
		return names[0]
	}
	for name, damage := range map[string]func(t *testing.T, dir string) error{
		"manifest of another program": func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("hello, I am something else"), 0o600)
		},
		"table missing": func(t *testing.T, dir string) error { return os.Remove(oneTable(t, dir)) },
		"table cut": func(t *testing.T, dir string) error {
			return os.Truncate(oneTable(t, dir), 100)
		},
		"table empty": func(t *testing.T, dir string) error { return os.Truncate(oneTable(t, dir), 0) },
		"table of zeros": func(t *testing.T, dir string) error {
			return os.WriteFile(oneTable(t, dir), make([]byte, 4096), 0o600)
		},
		// Badger itself would leave this table out and open.
		"index of a table changed": func(t *testing.T, dir string) error {
			table := oneTable(t, dir)
			content, err := os.ReadFile(table)
			if err != nil {
				return err
			}
			content[len(content)-100] ^= 0xff
			return os.WriteFile(table, content, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := fillAndClose(t)
			if err := damage(t, dir); err != nil {
				t.Fatal(err)
			}
			s, err := Open(dir, Options{MinFree: -1})
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "remove the directory") {
				t.Fatalf("open: %v; want ErrCorrupt with the directory and the remedy", err)
			}
		})
	}
}

func TestReservedKey(t *testing.T) {
	s := openAt(t, t.TempDir())
	var b store.Batch
	b.Put([]byte("!badger!x"), nil)
	if err := s.Apply(&b); !errors.Is(err, store.ErrKey) {
		t.Errorf("apply: %v, want ErrKey", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMessagesGoToTheLog(t *testing.T) {
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := Open(t.TempDir(), Options{Log: log, MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "level=DEBUG msg=store badger=info") || strings.Contains(text.String(), "level=INFO") {
		t.Errorf("log:\n%s\nwant Badger's messages at debug level", text.String())
	}
}

// The bubble ends only when every goroutine in it has ended.
func TestInBubble(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		synctest.Test(t, func(t *testing.T) {
			s := openAt(t, dir)
			value, ok, err := s.Get(nil, []byte("k"))
			if ok != (round == 1) || err != nil {
				t.Fatalf("round %d: get = %q, %v, %v", round, value, ok, err)
			}
			var b store.Batch
			b.Put([]byte("k"), []byte("v"))
			if err := s.Apply(&b); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Environment of the child process of TestKill.
const (
	childDir   = "FAUSTGEN_TEST_STORE_DIR"
	childCount = "FAUSTGEN_TEST_STORE_ENTRIES"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		entries, err := strconv.Atoi(os.Getenv(childCount))
		if err == nil {
			err = writeUntilKilled(dir, entries)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled applies batches that set every entry and then the counter to the next number, and prints each.
func writeUntilKilled(dir string, entries int) error {
	s, err := Open(dir, Options{MemTableSize: minMemTable, MinFree: -1})
	if err != nil {
		return err
	}
	n, err := readCounter(s)
	if err != nil {
		return err
	}
	var b store.Batch
	for {
		n++
		b.Reset()
		value := strconv.AppendInt(nil, int64(n), 10)
		for i := range entries {
			b.Put(fmt.Appendf(nil, "entry-%06d", i), value)
		}
		b.Put([]byte("counter"), value)
		fmt.Println("writing", n)
		if err := s.Apply(&b); err != nil {
			return err
		}
		fmt.Println("written", n)
	}
}

func readCounter(s store.Store) (int, error) {
	value, ok, err := s.Get(nil, []byte("counter"))
	if err != nil || !ok {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

// A worker is killed while it writes: what is on disk is a beginning of what it wrote, the counter with its entries.
func TestKill(t *testing.T) {
	for name, c := range map[string]struct {
		entries int
		atomic  bool
	}{
		"batches of one transaction":      {entries: 500, atomic: true},
		"batches of several transactions": {entries: 8000},
	} {
		t.Run(name, func(t *testing.T) {
			const seed = 3
			rnd := rand.New(rand.NewSource(seed))
			dir := t.TempDir()
			promised := 0
			for range 4 {
				promised = max(promised, runAndKill(t, dir, c.entries, 2+rnd.Intn(12)))
				s := openAt(t, dir)
				counter, err := readCounter(s)
				if err != nil || counter < promised {
					t.Fatalf("counter %d, %v; batch %d had been applied", counter, err, promised)
				}
				checkEntries(t, s, c.entries, counter, c.atomic)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if promised == 0 {
				t.Fatal("no batch was applied before a kill")
			}
		})
	}
}

// runAndKill kills the child after the given number of lines and returns the last batch known to be applied.
func runAndKill(t *testing.T, dir string, entries, lines int) (written int) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir, childCount+"="+strconv.Itoa(entries))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for i := 0; scanner.Scan(); i++ {
		if number, ok := strings.CutPrefix(scanner.Text(), "written "); ok {
			if written, err = strconv.Atoi(number); err != nil {
				t.Errorf("child printed %q", scanner.Text())
			}
		}
		if i == lines {
			_ = child.Process.Kill() // it may only fail if the child is gone, which Wait tells
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() == 1 {
		t.Fatalf("child ended by itself: %v", err)
	}
	return written
}

// checkEntries checks that the entries are those of the counter's batch, and, unless batches are atomic, that a
// beginning of them may already be of the next.
func checkEntries(t *testing.T, s store.Store, entries, counter int, atomic bool) {
	t.Helper()
	seen, previous := 0, counter+1
	if atomic {
		previous = counter
	}
	err := s.Scan([]byte("entry-"), nil, func(key, value []byte) bool {
		n, err := strconv.Atoi(string(value))
		if err != nil || n != counter && n != counter+1 || n > previous {
			t.Errorf("%s is of batch %s after an entry of %d; the counter says %d", key, value, previous, counter)
			return false
		}
		previous = n
		seen++
		return true
	})
	if err != nil || counter > 0 && seen != entries {
		t.Errorf("%d entries of %d, %v; the counter says %d", seen, entries, err, counter)
	}
}
