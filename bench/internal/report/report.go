// Package report turns measured runs into medians, ratios and a Markdown page. It measures nothing and writes no file.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The peers of a comparison. Ours is compared with Streams.
const (
	Ours    = "faustgen"
	Streams = "kafka-streams"
)

// Exact is the Check of a run whose result was right to the record.
const Exact = "exact"

// Run is one worker measured once. Seconds are wall or CPU seconds, as the README of the benchmark defines them.
type Run struct {
	Date        time.Time `json:"date"`
	Workload    string    `json:"workload"`
	Peer        string    `json:"peer"`
	Rep         int       `json:"rep"`
	Records     int       `json:"records"`
	StartUp     float64   `json:"start_up_s"`   // from the start of the process to its first visible effect
	Processing  float64   `json:"processing_s"` // from there to the last one
	Wall        float64   `json:"wall_s"`       // from the start of the process to its end
	CPU         float64   `json:"cpu_s"`
	BrokerCPU   float64   `json:"broker_cpu_s"`
	DriverCPU   float64   `json:"driver_cpu_s"`
	OtherCPU    float64   `json:"other_cpu_s"` // everything else on the machine
	PeakMB      float64   `json:"peak_mb"`
	Written     int64     `json:"written"`                  // records in the output topic or the changelog
	InsideRate  float64   `json:"inside_rate,omitempty"`    // records/s between the worker's own EVENT lines
	Check       string    `json:"check"`                    // Exact, or what is wrong
	Interrupted string    `json:"interrupted_by,omitempty"` // why the run could not be measured
}

// Rate is records per second of processing.
func (r *Run) Rate() float64 { return float64(r.Records) / r.Processing }

// RateFromStart is records per second from the start of the process to the last visible effect.
func (r *Run) RateFromStart() float64 { return float64(r.Records) / (r.StartUp + r.Processing) }

func (r *Run) perMillion(seconds float64) float64 { return seconds * 1e6 / float64(r.Records) }

// Good tells whether the run counts: measured to its end, with the right result.
func (r *Run) Good() bool { return r.Check == Exact && r.Interrupted == "" }

// Ratio compares the medians of ours and of Kafka Streams in one workload; each is above 1 where ours is better.
type Ratio struct {
	Workload                           string
	Rate, RateFromStart, CPU, TotalCPU float64 // TotalCPU: worker and broker together
	Memory                             float64
}

// Ratios compares every workload that has good runs of both peers, in the order they were first run.
func Ratios(runs []Run) []Ratio {
	var ratios []Ratio
	for _, w := range distinct(runs, func(r Run) string { return r.Workload }) {
		ours, streams := good(runs, w, Ours), good(runs, w, Streams)
		if len(ours) == 0 || len(streams) == 0 {
			continue
		}
		ratio := func(a, b []Run, f func(*Run) float64) float64 { return Median(a, f) / Median(b, f) }
		total := func(r *Run) float64 { return r.CPU + r.BrokerCPU }
		ratios = append(ratios, Ratio{Workload: w,
			Rate:          ratio(ours, streams, (*Run).Rate),
			RateFromStart: ratio(ours, streams, (*Run).RateFromStart),
			CPU:           ratio(streams, ours, func(r *Run) float64 { return r.CPU }),
			TotalCPU:      ratio(streams, ours, total),
			Memory:        ratio(streams, ours, func(r *Run) float64 { return r.PeakMB }),
		})
	}
	return ratios
}

// Median is the middle value of f over the runs, the mean of the middle two when they are even; 0 without runs.
func Median(runs []Run, f func(*Run) float64) float64 {
	v := values(runs, f)
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func values(runs []Run, f func(*Run) float64) []float64 {
	var v []float64
	for i := range runs {
		v = append(v, f(&runs[i]))
	}
	slices.Sort(v)
	return v
}

func good(runs []Run, workload, peer string) []Run {
	var g []Run
	for _, r := range runs {
		if r.Workload == workload && r.Peer == peer && r.Good() {
			g = append(g, r)
		}
	}
	return g
}

func distinct(runs []Run, f func(Run) string) []string {
	var d []string
	for _, r := range runs {
		if !slices.Contains(d, f(r)) {
			d = append(d, f(r))
		}
	}
	return d
}

// Lines is one JSON object per run, a line each.
func Lines(runs []Run) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, r := range runs {
		if err := e.Encode(r); err != nil {
			return nil, fmt.Errorf("write run %d of %s as JSON: %w", r.Rep, r.Workload, err)
		}
	}
	return b.Bytes(), nil
}

// Fact is one line of what surrounded the measurement: the machine, a version, the command.
type Fact struct{ Name, Value string }

// Markdown is the dated page: facts, medians with their range, ratios, every run.
func Markdown(date time.Time, facts []Fact, runs []Run) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# Benchmark of %s\n\nHow it is measured, and what the columns mean: [README](../README.md).\n\n", date.Format("2006-01-02"))
	for _, f := range facts {
		fmt.Fprintf(&s, "- %s: %s\n", f.Name, f.Value)
	}
	s.WriteString("\n## Ratios of medians\n\n")
	s.WriteString(ratioTable(Ratios(runs)))
	s.WriteString("\n## Medians (lowest – highest)\n\n")
	s.WriteString(medianTable(runs))
	s.WriteString("\n## Every run\n\n")
	s.WriteString(runTable(runs))
	return s.String()
}

func ratioTable(ratios []Ratio) string {
	if len(ratios) == 0 {
		return "None: that needs good runs of both peers.\n"
	}
	var s strings.Builder
	s.WriteString("Above 1 is better for faustgen.\n\n")
	s.WriteString("| workload | records/s | records/s with start-up | worker CPU | worker + broker CPU | peak memory |\n|---|---|---|---|---|---|\n")
	for _, r := range ratios {
		fmt.Fprintf(&s, "| %s | %.2f | %.2f | %.2f | %.2f | %.2f |\n", r.Workload, r.Rate, r.RateFromStart, r.CPU, r.TotalCPU, r.Memory)
	}
	return s.String()
}

func medianTable(runs []Run) string {
	var s strings.Builder
	s.WriteString("| workload | peer | runs | records/s | records/s with start-up | worker CPU s | CPU s per million | broker CPU s per million | peak MB | other CPU s | written |\n")
	s.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, w := range distinct(runs, func(r Run) string { return r.Workload }) {
		for _, p := range distinct(runs, func(r Run) string { return r.Peer }) {
			g := good(runs, w, p)
			if len(g) == 0 {
				continue
			}
			cell := func(f func(*Run) float64) string { return spread(values(g, f)) }
			fmt.Fprintf(&s, "| %s | %s | %d | %s | %s | %s | %s | %s | %s | %s | %s |\n", w, p, len(g),
				cell((*Run).Rate), cell((*Run).RateFromStart), cell(func(r *Run) float64 { return r.CPU }),
				cell(func(r *Run) float64 { return r.perMillion(r.CPU) }), cell(func(r *Run) float64 { return r.perMillion(r.BrokerCPU) }),
				cell(func(r *Run) float64 { return r.PeakMB }), cell(func(r *Run) float64 { return r.OtherCPU }),
				cell(func(r *Run) float64 { return float64(r.Written) }))
		}
	}
	return s.String()
}

func runTable(runs []Run) string {
	var s strings.Builder
	s.WriteString("| workload | peer | rep | records | start-up s | processing s | records/s | wall s | CPU s | broker CPU s | driver CPU s | other CPU s | peak MB | written | result |\n")
	s.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range runs {
		result, rate := r.Check, "–"
		if r.Interrupted != "" {
			result = "not measured: " + r.Interrupted
		} else {
			rate = number(r.Rate())
		}
		// A table's cell is one line.
		result = strings.NewReplacer("\n", " ", "|", "/").Replace(result)
		fmt.Fprintf(&s, "| %s | %s | %d | %s | %.2f | %.2f | %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f | %s | %s |\n",
			r.Workload, r.Peer, r.Rep, number(float64(r.Records)), r.StartUp, r.Processing, rate, r.Wall, r.CPU, r.BrokerCPU,
			r.DriverCPU, r.OtherCPU, r.PeakMB, number(float64(r.Written)), result)
	}
	return s.String()
}

// spread writes sorted values as their median and range, a single value alone.
func spread(v []float64) string {
	m := (v[(len(v)-1)/2] + v[len(v)/2]) / 2
	if len(v) == 1 {
		return number(m)
	}
	return fmt.Sprintf("%s (%s – %s)", number(m), number(v[0]), number(v[len(v)-1]))
}

// number writes large values in groups of three digits and small ones with the digits that matter.
func number(v float64) string {
	switch {
	case v < 10 && v != float64(int64(v)):
		return fmt.Sprintf("%.2f", v)
	case v < 200 && v != float64(int64(v)):
		return fmt.Sprintf("%.1f", v)
	}
	digits := fmt.Sprintf("%.0f", v)
	var s strings.Builder
	for i, d := range digits {
		if i > 0 && d != '-' && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			s.WriteByte(',')
		}
		s.WriteRune(d)
	}
	return s.String()
}
