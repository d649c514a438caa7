// Package dnscontrol is the bridge to dnscontrol v4.20.0: definitions become its models, the files that it
// reads, zone files, and changes as it would make them; what it says of a zone comes back as records.
//
// Linked are its models, its validation, its comparison, its zone file writer and its JavaScript. Providers other
// than BIND are reached by running the user's own dnscontrol. A panic of the linked code ends at this package's
// border, as an error.
package dnscontrol

import (
	"fmt"
	"io"
	"log"

	"github.com/StackExchange/dnscontrol/v4/pkg/bindserial"
	"github.com/StackExchange/dnscontrol/v4/pkg/diff2"
	"github.com/StackExchange/dnscontrol/v4/pkg/printer"
)

// Setup sets the globals of the linked dnscontrol, once, before anything else of this package is used: what it
// prints by itself is dropped, since it would stand in the middle of a command's own output, and the order of its
// changes is not computed, since this package sorts them. The standard logger, which it also writes to, falls
// silent with it.
func Setup() {
	printer.DefaultPrinter.Writer = io.Discard
	printer.SkinnyReport = true
	diff2.DisableOrdering = true
	bindserial.ForcedValue = 0
	log.SetOutput(io.Discard)
}

// guard turns a panic of the linked dnscontrol into an error that says what was being done.
func guard(doing string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: dnscontrol failed: %v", doing, p)
	}
}
