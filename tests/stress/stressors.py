# SPDX-License-Identifier: MIT
"""stress-ng's stressors: those that run, by groups that run side by side, and the others with reasons."""

GROUPS = [line.split() for line in """
access affinity alarm atomic bad-altstack
brk cache cacheline chdir chmod
chown chroot clock clone close
context copy-file cpu daemon dekker
dentry dev dev-shm dir dirdeep
dirmany dup dynlib enosys env
eventfd exit-group fault fcntl fifo
file-ioctl flock fork fsize
fstat full futex get getdent
getrandom hdd hrtimers io ioprio
itimer kill link locka lockf
lockofd longjmp malloc mcontend memcpy
memfd mincore misaligned mknod mlock
mmap mmapaddr mmapfork mmapmany mprotect
msync msyncmany munmap mutex nanosleep
nice null open pagemove personality
peterson pipe poll prctl procfs
pthread ptrace pty race-sched
regs rename resched rlimit rmap
schedpolicy seek sendfile session set
shm sigabrt sigchld sigfd sigfpe
signal signest sigpending sigpipe sigq
sigrt sigsegv sigsuspend sigtrap sleep
splice stack switch symlink
sysbadaddr sysinfo tee timer tlb-shootdown touch
unshare urandom utime vfork vm
vm-addr vm-segv vm-splice wait
yield zero zombie
pidfd ring-pipe seal sem
cap sysfs vforkmany stackmmap
mq msg sem-sysv shm-sysv
""".strip().split("\n")]

# sizes that fit the machine
OPTIONS = {
    "hdd": "--hdd-bytes 8M",
    "malloc": "--malloc-bytes 16M",
    "memfd": "--memfd-bytes 8M",
    "mmap": "--mmap-bytes 8M",
    "shm": "--shm-bytes 1M",
    "shm-sysv": "--shm-sysv-bytes 1M",
    "vm": "--vm-bytes 8M",
    "vm-splice": "--vm-splice-bytes 1M",
}

# reason -> stressors
LEFT_OUT = {name: reason for reason, names in {
    "computes only: the CPU's work, not the kernel's":
        "bsearch crypt fp fp-error funccall funcret goto hash heapsort hsearch ipsec-mb jpeg judy list "
        "lsearch matrix matrix-3d mergesort nop opcode qsort radixsort shellsort skiplist sparsematrix "
        "str stream tree tsearch vecfp vecmath vecshuf vecwide wcs zlib branch rotate rdrand memrate "
        "revio x86cpuid x86syscall syncload waitcpu",
    "the caches and buses of a real CPU":
        "l1cache prefetch flushcache icache lockbus far-branch priv-instr llc-affinity smi",
    "network: interfaces and sockets have tests of their own":
        "icmp-flood netdev ping-sock rawpkt rawsock rawudp sctp dccp sock sockabuse sockdiag sockfd "
        "sockmany sockpair udp udp-flood tun netlink-proc netlink-task epoll",
    "seccomp filters: EINVAL, as without CONFIG_SECCOMP":
        "seccomp",
    "the call is ENOSYS, as on a Linux built without it":
        "aio aiol af-alg apparmor io-uring kcmp key landlock membarrier numa remap rseq secretmem "
        "userfaultfd fanotify inotify dnotify handle quota pkey usersyscall",
    "file leases: EINVAL":
        "lease",
    "there is no vDSO":
        "vdso",
    "hardware, a driver or a file of /sys or /dev that Dyad has not":
        "binderfs cpu-online efivar gpu idle-page ioport kvm memhotplug mmaphuge pci physpage rawdev rtc "
        "softlockup swap pageswap uprobe watchdog klog",
    "file systems on a disk":
        "chattr fiemap inode-flags verity",
    "skips itself as root":
        "bad-ioctl",
    "stress-ng keeps it disabled unless told pathological":
        "bind-mount sysinval",
    "wants a plugin library":
        "plugin",
    "restarts the machine from inside a namespace":
        "reboot",
    "measures latencies, which an emulator does not promise":
        "cyclic",
    "fills the memory until something must be killed":
        "bigheap oom-pipe resources",
    "counts nothing, or little, within two seconds of an emulator with sanitizers":
        "spawn timerfd xattr sync-file randlist exec syscall filename fpunch tmpfs tsc vm-rw readahead sigio "
        "iomix madvise memthrash forkheavy loadavg mlockmany fallocate mremap mmapfixed pipeherd",
    "mounts what the machine has not: loop devices, ext4":
        "umount ramfs loop",
}.items() for name in names.split()}
