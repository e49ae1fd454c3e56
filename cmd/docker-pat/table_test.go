package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	columns := []column[[3]string]{
		{"NAME", func(r [3]string) string { return r[0] }},
		{"ID", func(r [3]string) string { return r[1] }},
		{"NOTE", func(r [3]string) string { return r[2] }},
	}
	rows := [][3]string{{"日本語のトークン", "12345678", ""}, {"é", "1", "a long note on it"}, {"مفتاح", "2", "x"}}
	for width, want := range map[int]string{
		0:  "NAME              ID        NOTE\n日本語のトークン  12345678\né                 1         a long note on it\nمفتاح             2         x\n",
		36: "NAME          ID        NOTE\n日本語のト…   12345678\né             1         a long note…\nمفتاح         2         x\n",
		24: "NAME            ID\n日本語のトー…   12345678\né               1\nمفتاح           2\n",
		9:  "NA…  ID\n日…  123…\né    1\nمف…  2\n",
	} {
		var out strings.Builder
		if err := (table[[3]string]{columns: columns, width: width, leave: []string{"NOTE"}}).write(&out, rows); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(out.String(), string(leftToRightMark), ""); got != want {
			t.Errorf("%d cells:\n%s\nwant:\n%s", width, got, want)
		}
		if marked := strings.Contains(out.String(), string(leftToRightMark)); marked != (width > 0) {
			t.Errorf("%d cells: a mark is there: %v", width, marked)
		}
	}
}
