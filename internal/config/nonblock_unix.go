//go:build unix

package config

import "syscall"

// nonblock keeps an open from waiting for a writer, should the file have become a FIFO since it was looked at.
const nonblock = syscall.O_NONBLOCK
