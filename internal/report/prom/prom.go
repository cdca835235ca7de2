// Package prom tells the counts of a run to Prometheus while it goes on: Received those
// of a receiver, Sent those of a sender. Handler serves either in the text format of
// Prometheus. Labels are event and status only: a customer is never one.
//
// The format is written here in a few lines, because Prometheus's own library would make
// every start of the program a third slower, that of "relayctl version" too; the tests
// hold what is written to that library's parser. The package does not know who asks.
package prom

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Source writes its metrics as they are now. It is called from several goroutines.
type Source func(*page)

// Handler serves what a source tells.
func Handler(of Source) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		var p page
		of(&p)
		rw.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = rw.Write(p.b.Bytes()) // the caller may be gone
	})
}

// page is what one call for metrics gets. The zero value is empty.
type page struct{ b bytes.Buffer }

func (p *page) head(name, help, kind string) {
	fmt.Fprintf(&p.b, "# HELP relayctl_%s %s\n# TYPE relayctl_%s %s\n", name, help, name, kind)
}

func (p *page) sample(name, labels string, value float64) {
	fmt.Fprintf(&p.b, "relayctl_%s%s %s\n", name, labels, strconv.FormatFloat(value, 'f', -1, 64)) // scripts look for whole numbers
}

// counter writes a count that only grows.
func (p *page) counter(name, help string, value float64) {
	p.head(name, help, "counter")
	p.sample(name, "", value)
}

// gauge writes a value that goes up and down.
func (p *page) gauge(name, help string, value float64) {
	p.head(name, help, "gauge")
	p.sample(name, "", value)
}

// counters writes counts that differ in one label, sorted by its value.
func (p *page) counters(name, help, label string, values map[string]uint64) {
	p.head(name, help, "counter")
	for _, v := range slices.Sorted(maps.Keys(values)) {
		p.sample(name, labels(label, v), float64(values[v]))
	}
}

// histogram writes how many values were at most each of the bounds, in their order.
func (p *page) histogram(name, help string, bounds []float64, counts []uint64, total uint64, sum float64) {
	p.head(name, help, "histogram")
	for i, b := range bounds {
		p.sample(name+"_bucket", labels("le", strconv.FormatFloat(b, 'g', -1, 64)), float64(counts[i]))
	}
	p.sample(name+"_bucket", labels("le", "+Inf"), float64(total))
	p.sample(name+"_sum", "", sum)
	p.sample(name+"_count", "", float64(total))
}

func labels(name, value string) string {
	return "{" + name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"}`
}

// statusLabel gives a status as a label, "none" for no answer.
func statusLabel(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status)
}
