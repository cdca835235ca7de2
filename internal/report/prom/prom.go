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
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Source writes its metrics as they are now. It is called from several goroutines.
type Source func(*Page)

// Handler serves what a source tells.
func Handler(of Source) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		var p Page
		of(&p)
		rw.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = rw.Write(p.b.Bytes()) // the caller may be gone
	})
}

// Page is what one call for metrics gets. The zero value is empty.
type Page struct{ b bytes.Buffer }

func (p *Page) head(name, help, kind string) {
	fmt.Fprintf(&p.b, "# HELP relayctl_%s %s\n# TYPE relayctl_%s %s\n", name, help, name, kind)
}

func (p *Page) sample(name, labels string, value float64) {
	fmt.Fprintf(&p.b, "relayctl_%s%s %s\n", name, labels, strconv.FormatFloat(value, 'f', -1, 64)) // scripts look for whole numbers
}

// Counter writes a count that only grows.
func (p *Page) Counter(name, help string, value float64) {
	p.head(name, help, "counter")
	p.sample(name, "", value)
}

// Gauge writes a value that goes up and down.
func (p *Page) Gauge(name, help string, value float64) {
	p.head(name, help, "gauge")
	p.sample(name, "", value)
}

// Counters writes counts that differ in one label, sorted by its value.
func (p *Page) Counters(name, help, label string, values map[string]uint64) {
	p.head(name, help, "counter")
	for _, v := range slices.SortedFunc(maps.Keys(values), cmp.Compare[string]) {
		p.sample(name, labels(label, v), float64(values[v]))
	}
}

// Histogram writes how many values were at most each of the bounds, in their order.
func (p *Page) Histogram(name, help string, bounds []float64, counts []uint64, total uint64, sum float64) {
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

// statusLabel is none for no answer.
func statusLabel(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status)
}
