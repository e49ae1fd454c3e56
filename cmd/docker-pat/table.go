package main

import (
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/text/unicode/bidi"
)

// A column has a header and says what stands below it.
type column[T any] struct {
	header string
	cell   func(T) string
}

// A table shows rows below headers. Widths are in cells of a terminal.
type table[T any] struct {
	columns []column[T]
	width   int // of the terminal; 0: what is too wide is left as it is
	// leave names columns that a narrow terminal does without, the first to go first.
	leave []string
	// paint, when set, colours a cell, which is padded and cut by then.
	paint func(header, cell string) string
}

// printTable cuts nothing: what stands in most tables is to be copied.
func printTable[T any](w io.Writer, columns []column[T], rows []T) error {
	return table[T]{columns: columns}.write(w, rows)
}

const (
	gap      = 2 // cells between columns
	leastCut = 8 // cells that are left of a column which is cut, as long as the terminal allows it
)

func (t table[T]) write(w io.Writer, rows []T) error {
	lines := make([][]string, 0, len(rows)+1)
	lines = append(lines, t.texts(func(c column[T]) string { return c.header }))
	for _, row := range rows {
		lines = append(lines, t.texts(func(c column[T]) string { return c.cell(row) }))
	}
	shown, widths := t.fit(lines)
	var b strings.Builder
	for i, line := range lines {
		var out strings.Builder
		for n, column := range shown {
			cell := cells.FillRight(cells.Truncate(line[column], widths[n], "…"), widths[n])
			if i > 0 && t.paint != nil {
				cell = t.paint(t.columns[column].header, cell)
			}
			if n > 0 {
				out.WriteString(strings.Repeat(" ", gap))
			}
			out.WriteString(cell)
			if t.width > 0 && isRightToLeft(line[column]) {
				out.WriteRune(leftToRightMark)
			}
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t table[T]) texts(text func(column[T]) string) []string {
	var line []string
	for _, c := range t.columns {
		line = append(line, text(c))
	}
	return line
}

// fit chooses the columns that are shown and how wide they are: columns that may leave do so until the
// others have leastCut cells at least, then the widest is cut until all fit.
func (t table[T]) fit(lines [][]string) (shown, widths []int) {
	natural := make([]int, len(t.columns))
	for _, line := range lines {
		for i, text := range line {
			natural[i] = max(natural[i], cells.StringWidth(text))
		}
	}
	for i := range t.columns {
		shown = append(shown, i)
	}
	least := func() int {
		sum := gap * (len(shown) - 1)
		for _, i := range shown {
			sum += min(natural[i], leastCut)
		}
		return sum
	}
	for _, header := range t.leave {
		if t.width == 0 || least() <= t.width {
			break
		}
		shown = slices.DeleteFunc(shown, func(i int) bool { return t.columns[i].header == header })
	}
	room := t.width - gap*(len(shown)-1)
	sum := 0
	for _, i := range shown {
		widths = append(widths, natural[i])
		sum += natural[i]
	}
	for ; t.width > 0 && sum > room && slices.Max(widths) > 1; sum-- {
		widths[slices.Index(widths, slices.Max(widths))]--
	}
	return shown, widths
}

// cells measures as most terminals do outside East Asian locales, whatever the locale here is.
var cells = runewidth.Condition{StrictEmojiNeutral: true}

// leftToRightMark keeps the cell after one that is written from right to left from being moved before it.
const leftToRightMark = '\u200e'

func isRightToLeft(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		properties, _ := bidi.LookupRune(r)
		return properties.Class() == bidi.R || properties.Class() == bidi.AL
	})
}
