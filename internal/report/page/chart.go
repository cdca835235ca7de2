package page

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"relayctl/internal/duration"
)

// Chart is a picture over time: stacked columns of counts, or lines of durations
// on a logarithmic scale.
type Chart struct {
	Title string
	Step  time.Duration // the time that one value stands for
	Stack []Series      // counts, from the bottom up; at most four
	Lines []Series      // milliseconds, 0 for none; at most three
}

// Series is a named row of values, one for each step from the start.
type Series struct {
	Name   string
	Values []float64
}

// ChartKey is an entry of a chart's legend.
type ChartKey struct{ Name, Class string }

// Keys is the legend: the rows that have a value anywhere.
func (c Chart) Keys() []ChartKey {
	var keys []ChartKey
	add := func(class string, list []Series) {
		for i, s := range list {
			if slices.ContainsFunc(s.Values, func(v float64) bool { return v > 0 }) {
				keys = append(keys, ChartKey{s.Name, fmt.Sprintf("%s%d", class, i+1)})
			}
		}
	}
	add("s", c.Stack)
	add("l", c.Lines)
	return keys
}

// BarWidth is the width of a cell's bar.
func (c Cell) BarWidth() template.CSS {
	return template.CSS(fmt.Sprintf("%.1f%%", 100*min(max(c.Bar, 0), 1)))
}

// Measures of the drawing, in the SVG's units.
const (
	chartWidth, chartHeight = 900, 230
	chartLeft, chartRight   = 56, 6
	chartTop, chartBottom   = 10, 24
	plotWidth               = chartWidth - chartLeft - chartRight
	plotHeight              = chartHeight - chartTop - chartBottom
)

// SVG draws the chart.
func (c Chart) SVG() template.HTML {
	d := &drawing{chart: c, steps: 1}
	for _, list := range [][]Series{c.Stack, c.Lines} {
		for _, data := range list {
			d.steps = max(d.steps, len(data.Values))
		}
	}
	fmt.Fprintf(&d.out, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, chartHeight, html.EscapeString(c.Title))
	if c.Stack != nil {
		d.columns()
	} else {
		d.lines()
	}
	d.timeAxis()
	d.out.WriteString("</svg>")
	return template.HTML(d.out.String())
}

type drawing struct {
	chart Chart
	steps int
	out   strings.Builder
}

// x is where a step begins.
func (d *drawing) x(step float64) float64 {
	return chartLeft + step*plotWidth/float64(d.steps)
}

// y is where a share of the plot's height is.
func y(share float64) float64 { return chartTop + plotHeight*(1-share) }

// level draws a horizontal line with a label.
func (d *drawing) level(share float64, label string) {
	fmt.Fprintf(&d.out, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
		chartLeft, chartWidth-chartRight, y(share), y(share), chartLeft-6, y(share)+4, label)
}

// columns draws the stack.
func (d *drawing) columns() {
	top := 0.0
	sums := make([]float64, d.steps)
	for i := range sums {
		for _, data := range d.chart.Stack {
			sums[i] += at(data.Values, i)
		}
		top = max(top, sums[i])
	}
	grid := niceStep(max(top, 1)/4, 1)
	top = max(grid, math.Ceil(top/grid)*grid)
	for v := 0.0; v <= top; v += grid {
		d.level(v/top, compact(v))
	}
	room := plotWidth / float64(d.steps)
	width := min(room-min(1, room/5), 40)
	for i := range d.steps {
		if sums[i] == 0 {
			continue
		}
		fmt.Fprintf(&d.out, `<g><title>%s</title>`, html.EscapeString(d.told(i, d.chart.Stack, compact)))
		below := 0.0
		for s, data := range d.chart.Stack {
			if v := at(data.Values, i); v > 0 {
				fmt.Fprintf(&d.out, `<rect class="s%d" x="%.2f" y="%.2f" width="%.2f" height="%.2f"/>`,
					s+1, d.x(float64(i)+0.5)-width/2, y((below+v)/top), width, max(v/top*plotHeight, 0.75))
				below += v
			}
		}
		d.out.WriteString("</g>")
	}
}

// lines draws durations, each in the middle of its step. A step without one
// interrupts the line.
func (d *drawing) lines() {
	least, most := math.Inf(1), 0.0
	for _, data := range d.chart.Lines {
		for _, v := range data.Values {
			if v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if most == 0 {
		least, most = 1, 10
	}
	low, high := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	high = max(high, low+1)
	share := func(v float64) float64 { return (math.Log10(v) - low) / (high - low) }
	for e := low; e <= high; e++ {
		d.level(share(math.Pow(10, e)), duration.Text(time.Duration(math.Round(math.Pow(10, e)*float64(time.Millisecond)))))
	}
	for l, data := range d.chart.Lines {
		var points []string
		end := func() {
			if len(points) > 1 {
				fmt.Fprintf(&d.out, `<polyline class="l%d" points="%s"/>`, l+1, strings.Join(points, " "))
			}
			points = points[:0]
		}
		for i, v := range data.Values {
			if v <= 0 {
				end()
				continue
			}
			points = append(points, fmt.Sprintf("%.1f,%.1f", d.x(float64(i)+0.5), y(share(v))))
			if at(data.Values, i-1) <= 0 && at(data.Values, i+1) <= 0 {
				fmt.Fprintf(&d.out, `<circle class="l%d" cx="%.1f" cy="%.1f" r="2.5"/>`, l+1, d.x(float64(i)+0.5), y(share(v)))
			}
		}
		end()
	}
	d.hints(d.chart.Lines)
}

// hints adds what the pointer shows for each step of the lines.
func (d *drawing) hints(list []Series) {
	show := func(ms float64) string { return duration.Text(time.Duration(ms * float64(time.Millisecond))) }
	for i := range d.steps {
		if at(list[0].Values, i) <= 0 {
			continue
		}
		fmt.Fprintf(&d.out, `<rect x="%.2f" y="%d" width="%.2f" height="%d" fill="transparent"><title>%s</title></rect>`,
			d.x(float64(i)), chartTop, plotWidth/float64(d.steps), plotHeight, html.EscapeString(d.told(i, list, show)))
	}
}

// told is the text of a step's values.
func (d *drawing) told(i int, list []Series, show func(float64) string) string {
	parts := []string{"after " + duration.Text(time.Duration(i)*d.chart.Step)}
	for _, data := range list {
		if v := at(data.Values, i); v > 0 {
			parts = append(parts, data.Name+" "+show(v))
		}
	}
	return strings.Join(parts, "\n")
}

// timeAxis draws the time since the start.
func (d *drawing) timeAxis() {
	fmt.Fprintf(&d.out, `<line class="axis" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, chartLeft, chartWidth-chartRight, y(0), y(0))
	span := float64(d.steps) * d.chart.Step.Seconds()
	if span <= 0 {
		return
	}
	step := timeStep(span / 7)
	for n := 0; ; n++ {
		sec := float64(n) * step
		x := d.x(sec / d.chart.Step.Seconds())
		if x > chartWidth-chartRight-12 && n > 0 {
			return
		}
		fmt.Fprintf(&d.out, `<line class="axis" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`,
			x, x, y(0), y(0)+4, x, chartHeight-6, duration.Text(time.Duration(sec*float64(time.Second))))
	}
}

// timeStep is the smallest round number of seconds that is not below least.
func timeStep(least float64) float64 {
	for _, s := range []float64{15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 6 * 3600, 12 * 3600, 24 * 3600} {
		if least > 10 && s >= least {
			return s
		}
	}
	return niceStep(least, 0)
}

// niceStep is the smallest of 1, 2 and 5 times a power of ten that is not below v
// and least.
func niceStep(v, least float64) float64 {
	v = max(v, least, 1e-9)
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// compact writes a count in few characters: 950, 1500, 12.3k, 3M.
func compact(v float64) string {
	for _, unit := range []struct {
		from, size float64
		name       string
	}{{1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}} {
		if v >= unit.from {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", v/unit.size), ".0") + unit.name
		}
	}
	return fmt.Sprintf("%g", math.Round(v*100)/100)
}

// at is a row's value at a step, 0 beyond its ends.
func at(values []float64, i int) float64 {
	if i < 0 || i >= len(values) {
		return 0
	}
	return values[i]
}
