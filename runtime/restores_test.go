package faust

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/faustgen/faustgen/runtime/internal/group"
)

// What a worker tells of its restores begins with the first batch of a table and ends with its last.
func TestServeRestores(t *testing.T) {
	w := &worker{}
	w.tasks.init()
	p := newProgress(slog.New(slog.NewTextHandler(io.Discard, nil)), &component{name: "Tables"}, 3)
	w.tasks.running[group.Task{Component: "Tables", Partition: 3}] = &runningTask{bound: &bound{progress: p}}
	told := func() (all []Restore) {
		out := httptest.NewRecorder()
		w.serveRestores(out, nil)
		if err := json.Unmarshal(out.Body.Bytes(), &all); err != nil {
			t.Fatalf("%s: %v", out.Body, err)
		}
		return all
	}
	if all := told(); len(all) != 0 {
		t.Errorf("tells %v before anything is restored", all)
	}
	p.report("counts", 250, 1000)
	all := told()
	if len(all) != 1 || all[0].Table != "counts" || all[0].Task != "Tables/3" || all[0].Records != 250 || all[0].Of != 1000 {
		t.Errorf("tells %+v, want 250 of 1000 of counts in Tables/3", all)
	}
	if p.report("counts", 1000, 1000); len(told()) != 0 {
		t.Errorf("tells %v after the restore", told())
	}
}
