// Package config reads definitions: HCL files become domains and the records that they would publish, each byte of
// which leads back to the place where it was written.
//
// The language is one table, the schema, from which files are decoded, suggestions made and the reference page
// written. hcl's parser makes the tree; its evaluation is never called, and what must not reach it (nesting without
// end, heredocs, invisible characters, files that are none) is refused before. Strings are read from the source
// bytes, since hcl normalises them.
//
// Load works in two steps. Files are parsed in parallel, and domains that stand alone are made at once; the others
// follow when all profiles and senders are known, since these may stand in any file. Key ledgers come last and
// add their records to every view (tag) of their domain.
//
// Names in rdata are absolute with their final dot, or one label (or @) relative to the block's name. A name of
// several labels without the dot is refused: a zone file would complete it, a web form would not.
//
// The ranges of a flatten list come from the lock file, which is no matter of definitions: Load gives the terms
// (zone.Domain.Flatten), and who knows the answers calls Repository.Flatten before the records are looked at.
package config
