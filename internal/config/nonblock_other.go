//go:build !unix

package config

// nonblock is nothing where files cannot be FIFOs.
const nonblock = 0
