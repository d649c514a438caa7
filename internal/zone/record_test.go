package zone

import "testing"

func TestTextLeadsEveryByteToItsSource(t *testing.T) {
	// p = "a\"bc" written at 10: the escape stands at 11..13; v= is implied by the block at 1..4.
	var b TextBuilder
	b.Implied("v=", Span{1, 1, 4})
	b.Exact("a", Span{1, 10, 11})
	b.Implied(`"`, Span{1, 11, 13})
	b.Exact("bc", Span{1, 13, 15})
	b.Exact("de", Span{1, 15, 17}) // follows at once: one segment
	b.Implied(" ", Span{1, 30, 40})
	b.Exact("x", Span{2, 5, 6})
	text := b.Text()
	if text.String() != `v=a"bcde x` || len(text.Segments()) != 6 {
		t.Fatalf("text %q in %d segments", text, len(text.Segments()))
	}
	for _, tt := range []struct {
		name       string
		start, end int
		want       Span
	}{
		{"an implied word is its whole block", 0, 1, Span{1, 1, 4}},
		{"one exact byte", 2, 3, Span{1, 10, 11}},
		{"an escape is its source bytes", 3, 4, Span{1, 11, 13}},
		{"across the escape", 2, 6, Span{1, 10, 15}},
		{"behind the escape", 5, 7, Span{1, 14, 16}},
		{"an empty range stands before its byte", 5, 5, Span{1, 14, 14}},
		{"into another file: the first file's part", 7, 10, Span{1, 16, 40}},
		{"in the other file", 9, 10, Span{2, 5, 6}},
		{"the end", 10, 10, Span{2, 6, 6}},
		{"out of bounds", 9, 99, Span{2, 5, 6}},
		{"negative", -5, 1, Span{1, 1, 4}},
	} {
		if got := text.Span(tt.start, tt.end); got != tt.want {
			t.Errorf("%s: Span(%d, %d) = %v, want %v", tt.name, tt.start, tt.end, got, tt.want)
		}
	}
	if got := PlainText("abc", Span{}).Span(0, 2); !got.IsZero() {
		t.Errorf("a text from nowhere leads to %v", got)
	}
	if got := PlainText("abc", Span{1, 2, 9}).Span(1, 2); got != (Span{1, 2, 9}) {
		t.Errorf("a plain text leads to %v", got)
	}
	var c TextBuilder
	c.Append(text)
	if got := c.Text().Span(5, 7); got != (Span{1, 14, 16}) || c.Text().String() != text.String() {
		t.Errorf("appended: %v", got)
	}
}
