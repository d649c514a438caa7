package dnscontrol

import (
	"runtime"
	"syscall"
	"unsafe"
)

// Landlock (Linux 5.13), the numbers that all architectures share, and its rights of ABI 1.
const (
	landlockCreate   = 444
	landlockAddRule  = 445
	landlockRestrict = 446

	landlockRulePath  = 1
	landlockReadFile  = 1 << 2
	landlockReadDir   = 1 << 3
	landlockAllRights = 1<<13 - 1

	prSetNoNewPrivs = 38
	oPath           = 0x200000 // O_PATH
)

// confine lets the calling goroutine read files below dir and nothing else, and write none. It stays on its thread from
// then on; dnsconfig.js runs on it alone, so that a stranger's require() finds no other program's secrets. A kernel
// without Landlock confines nothing.
func confine(dir string) {
	runtime.LockOSThread()
	rights := uint64(landlockAllRights)
	ruleset, _, errno := syscall.Syscall(landlockCreate, uintptr(unsafe.Pointer(&rights)), unsafe.Sizeof(rights), 0) //nolint:gosec // the kernel's interface
	if errno != 0 {
		return
	}
	defer closeFD(int(ruleset))
	fd, err := syscall.Open(dir, oPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer closeFD(fd)
	// struct landlock_path_beneath_attr is packed: 12 bytes.
	var rule [12]byte
	*(*uint64)(unsafe.Pointer(&rule[0])) = landlockReadFile | landlockReadDir                                                            //nolint:gosec // the kernel's interface
	*(*int32)(unsafe.Pointer(&rule[8])) = int32(fd)                                                                                      //nolint:gosec // the kernel's interface
	if _, _, errno = syscall.Syscall6(landlockAddRule, ruleset, landlockRulePath, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 { //nolint:gosec // the kernel's interface
		return
	}
	if _, _, errno = syscall.Syscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return
	}
	// Should this fail after all, the process is as confined as it was before.
	_, _, _ = syscall.Syscall(landlockRestrict, ruleset, 0, 0)
}

// closeFD closes a descriptor that was only looked at: there is nothing to lose.
func closeFD(fd int) { _ = syscall.Close(fd) }
