package faust

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/group"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// webServer is the worker's web server. In this version it answers queries, its own application's and the command line's.
type webServer struct {
	server     http.Server
	listener   net.Listener
	advertised string
}

// defaultWeb is where the web server listens unless told otherwise; the next ports are tried if it is taken.
const (
	defaultWebHost  = "127.0.0.1"
	defaultWebPort  = 6066
	defaultWebTries = 100
)

// openWeb opens the web server's socket.
func (w *worker) openWeb() error {
	if w.cfg.web == "off" {
		return nil
	}
	l, err := w.listenWeb()
	if err != nil {
		return err
	}
	s := &webServer{listener: l, advertised: w.cfg.advertise}
	if s.advertised == "" {
		s.advertised = reachable(l.Addr())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+queryPath+"{table}/{partition}", w.serveQuery)
	mux.HandleFunc("GET "+restorePath, w.serveRestores)
	s.server = http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	w.web = s
	w.log.Info("web server listening", "addr", l.Addr().String(), "advertised", s.advertised)
	return nil
}

func (w *worker) listenWeb() (net.Listener, error) {
	if w.cfg.web != "" {
		l, err := w.cfg.listen("tcp", w.cfg.web)
		if err != nil {
			return nil, fmt.Errorf("web server: %w; choose another --web host:port, or --web off", err)
		}
		return l, nil
	}
	var first error
	for port := defaultWebPort; port < defaultWebPort+defaultWebTries; port++ {
		l, err := w.cfg.listen("tcp", net.JoinHostPort(defaultWebHost, strconv.Itoa(port)))
		if err == nil {
			return l, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("web server: no free port from %d on: %w; choose one with --web host:port", defaultWebPort, first)
}

// reachable is the address that others use for a socket: on all interfaces, the first that isn't the loopback.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
		return addr.String()
	}
	interfaces, _ := net.InterfaceAddrs() // an error leaves none, and the loopback is what remains
	for _, i := range interfaces {
		if n, ok := i.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return net.JoinHostPort(n.IP.String(), port)
		}
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// run serves until ctx ends.
func (s *webServer) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.server.Close() })
	defer stop()
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("web server: %w", err)
	}
	return nil
}

// queryPath is where a worker answers queries: /faust/tables/{table}/{partition}?key=<base64>&at=<RFC 3339>|now&delta=<duration>.
const queryPath = "/faust/tables/"

// serveQuery answers with a line of JSON for each row: 421 if the partition isn't this worker's, 503 while it is restored.
func (w *worker) serveQuery(out http.ResponseWriter, r *http.Request) {
	spec := w.plan.table(r.PathValue("table"))
	partition, err := strconv.ParseInt(r.PathValue("partition"), 10, 32)
	if spec == nil || err != nil {
		http.Error(out, "no such table or partition", http.StatusNotFound)
		return
	}
	key, at, err := parseQuery(r)
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	id := group.Task{Component: w.plan.groups[spec.Struct].component.name, Partition: int32(partition)}
	running := w.tasks.get(id)
	if running == nil {
		http.Error(out, "another worker has this partition", http.StatusMisdirectedRequest)
		return
	}
	rows, err := running.bound.answer(r.Context(), spec.Name, key, at)
	switch {
	case errors.Is(err, errRestoring):
		http.Error(out, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(out, err.Error(), http.StatusMisdirectedRequest)
	default:
		out.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = out.Write(rows) // whoever asked has gone
	}
}

func parseQuery(r *http.Request) (key []byte, at *queryTime, err error) {
	q := r.URL.Query()
	if q.Has("key") {
		if key, err = base64.URLEncoding.DecodeString(q.Get("key")); err != nil {
			return nil, nil, fmt.Errorf("key: %w", err)
		}
		if key == nil {
			key = []byte{}
		}
	}
	switch {
	case q.Get("at") == "now":
		at = &queryTime{Now: true}
	case q.Has("at"):
		t, err := time.Parse(time.RFC3339Nano, q.Get("at"))
		if err != nil {
			return nil, nil, err
		}
		at = &queryTime{At: t}
	case q.Has("delta"):
		d, err := time.ParseDuration(q.Get("delta"))
		if err != nil {
			return nil, nil, err
		}
		at = &queryTime{HasDelta: true, Delta: d}
	}
	return key, at, nil
}

var errRestoring = errors.New("the table is being restored")

// answer reads a table in its task's goroutine, between two events, so that the rows belong together.
func (b *bound) answer(ctx context.Context, table string, key []byte, at *queryTime) ([]byte, error) {
	var rows bytes.Buffer
	var err error
	called := b.Call(ctx, func() {
		if b.State() != task.Running {
			err = errRestoring
			return
		}
		q := b.byName[table]
		if q == nil {
			err = fmt.Errorf("table %s is not in use", table)
			return
		}
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("query %s: %v", table, p)
			}
		}()
		encode := json.NewEncoder(&rows)
		encode.SetEscapeHTML(false)
		err = q.query(key, at, func(row queryRow) error { return encode.Encode(row.wire()) })
	})
	return rows.Bytes(), errors.Join(called, err)
}
