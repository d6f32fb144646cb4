# SPDX-License-Identifier: MIT
"""Which of Linux's own selftests run on Dyad, and which do not, each with the reason.

A Program is one C program of tools/testing/selftests: its name is FOLDER/NAME, `more` are words for
the compiler, `run` is the line for the guest's shell in the folder of the program. Those of a folder
that are not named are in LEFT_OUT, as are folders without any.
"""
import os

# as the Makefiles of these folders have it
OPTIMIZED = "capabilities futex/functional kvm kvm/x86_64 mount_setattr openat2 proc rlimits rseq sched timers tmpfs x86".split()


HERE = os.path.dirname(os.path.abspath(__file__))


class Program:
    def __init__(self, name, more="", run=None, seconds=60, source=None, leak=True):
        self.name, self.more, self.seconds = name, more.split(), seconds
        self.leak = leak  # False: children outlive it
        self.folder, _, self.short = name.rpartition("/")
        if self.folder in OPTIMIZED:
            self.more.append("-O2")
        self.source = source or self.short + ".c"
        self.run = run or "timeout -s KILL %d ./%s" % (seconds, self.short)


def programs(folder, names, **kw):
    return [Program("%s/%s" % (folder, name), **kw) for name in names.split()]


def kvm(names, more="", **kw):
    """Programs of kvm/, which are linked with the objects of kvm/lib (selftests.py builds them)."""
    return programs("kvm", names, more="$LIBKVM " + more, **kw)


PREPARE_EXEC = ("[ -d subdir ] || { mkdir subdir; ln -s execveat execveat.symlink; cp execveat execveat.denatured;"
                " chmod -x execveat.denatured; ln -sfn /proc/self/fd /dev/fd; printf '#!/bin/sh\\nexit $*\\n' > script; chmod +x script;"
                " : > Makefile; }; ")

PROGRAMS = [
    *programs("breakpoints", "breakpoint_test"),
    Program("capabilities/validate_cap", "-lcap-ng", "echo a part of test_execve; exit 4"),
    Program("capabilities/test_execve", "-lcap-ng"),
    *programs("clone3", "clone3 clone3_clear_sighand clone3_set_tid clone3_cap_checkpoint_restore", more="-lcap"),
    *programs("core", "close_range_test"),
    Program("exec/execveat", run=PREPARE_EXEC + "timeout -s KILL 60 ./execveat"),
    Program("exec/non-regular", run="timeout -s KILL 60 ./non-regular; s=$?; rm -f S_I*.test; exit $s"),
    *programs("exec", "recursion-depth null-argv"),
    *[Program("exec/load_address." + align, "-fPIE -pie -Wl,-z,max-page-size=" + align, source="load_address.c")
      for align in ("0x1000", "0x200000", "0x1000000")],
    Program("filesystems/devpts_pts", run="timeout -s KILL 60 ./devpts_pts </dev/console"),
    *programs("futex/functional", "futex_requeue futex_requeue_pi futex_requeue_pi_signal_restart "
              "futex_wait_private_mapped_file futex_wait_timeout "
              "futex_wait_uninitialized_heap futex_wait_wouldblock"),
    *programs("futex/functional", "futex_wait futex_waitv", leak=False),
    *programs("futex/functional", "futex_requeue_pi_mismatched_ops", seconds=5),
    *programs("ipc", "msgque"),
    *programs("kcmp", "kcmp_test"),
    # of what it does with memory nothing needs huge pages: ordinary ones serve
    *kvm("set_memory_region_test", "-include %s/ordinary_pages.h" % HERE),
    *kvm("kvm_create_max_vcpus kvm_binary_stats_test rseq_test steal_time system_counter_offset_test"),
    *kvm("demand_paging_test", run="timeout -s KILL 60 ./demand_paging_test -b 4M -v 2"),
    *kvm("dirty_log_perf_test", run="timeout -s KILL 60 ./dirty_log_perf_test -b 8M -v 2"),
    *kvm("kvm_page_table_test", run="timeout -s KILL 60 ./kvm_page_table_test -b 16M -v 2"),
    *kvm("memslot_modification_stress_test",
         run="timeout -s KILL 60 ./memslot_modification_stress_test -b 16M -v 2 -i 50 -d 1000"),
    *kvm(" ".join("x86_64/" + name for name in (
        "amx_test cpuid_test cr4_cpuid_sync_test debug_regs emulator_error_test evmcs_test fix_hypercall_test "
        "get_msr_index_features hyperv_clock hyperv_cpuid hyperv_features hyperv_svm_test kvm_clock_test "
        "kvm_pv_test max_vcpuid_cap_test mmio_warning_test monitor_mwait_test nested_exceptions_test "
        "nx_huge_pages_test platform_info_test pmu_event_filter_test set_boot_cpu_id set_sregs_test "
        "sev_migrate_tests smm_test state_test svm_int_ctl_test svm_nested_shutdown_test "
        "svm_nested_soft_inject_test svm_vmcall_test sync_regs_test triple_fault_event_test tsc_msrs_test "
        "tsc_scaling_sync ucna_injection_test userspace_io_test userspace_msr_exit_test vmx_apic_access_test "
        "vmx_close_while_nested_test vmx_dirty_log_test vmx_exception_with_invalid_guest_state "
        "vmx_invalid_nested_guest_state vmx_msrs_test vmx_nested_tsc_scaling_test vmx_pmu_caps_test "
        "vmx_preemption_timer_test vmx_set_nested_state_test vmx_tsc_adjust_test xapic_ipi_test "
        "xapic_state_test xen_shinfo_test xen_vmcall_test xss_msr_test").split())),
    *programs("membarrier", "membarrier_test_multi_thread membarrier_test_single_thread"),
    *programs("memfd", "memfd_test", more="common.c"),
    *programs("mincore", "mincore_selftest"),
    *programs("mount", "nosymfollow-test unprivileged-remount-test"),
    *programs("mount_setattr", "mount_setattr_test"),
    *programs("move_mount_set_group", "move_mount_set_group_test"),
    *programs("mqueue", "mq_open_tests"),
    *programs("nsfs", "owner pidns"),
    *programs("openat2", "openat2_test resolve_test", more="helpers.c"),
    *programs("pid_namespace", "regression_enomem"),
    *programs("pidfd", "pidfd_open_test pidfd_wait pidfd_getfd_test pidfd_setns_test pidfd_fdinfo_test"),
    *programs("prctl", "disable-tsc-test"),
    *programs("proc", "fd-001-lookup fd-002-posix-eq fd-003-kthread proc-empty-vm proc-fsconfig-hidepid "
              "proc-loadavg-001 proc-multiple-procfs proc-self-map-files-001 proc-self-map-files-002 "
              "proc-self-syscall proc-self-wchan proc-subset-pid proc-uptime-001 proc-uptime-002 read "
              "self setns-dcache setns-sysvipc thread-self"),
    *programs("proc", "proc-pid-vm proc-tid0", leak=False),
    *programs("ptrace", "get_syscall_info peeksiginfo"),
    *programs("rlimits", "rlimits-per-userns"),
    *programs("rseq", "basic_test", more="rseq.c -I../../../include"),
    *programs("sched", "cs_prctl_test"),
    *programs("seccomp", "seccomp_bpf", more="-lpthread -lcap", leak=False),
    *programs("sigaltstack", "sas"),
    Program("size/get_size", "-static -ffreestanding -nostartfiles"),
    Program("splice/default_file_splice_read", run="echo pretend > /tmp/spliced; n=$(./default_file_splice_read "
            "</tmp/spliced | wc -c); rm /tmp/spliced; echo $n bytes; [ $n = 8 ]"),
    *programs("syscall_user_dispatch", "sud_test"),
    *programs("timens", "clock_nanosleep exec futex procfs timens timer timerfd"),
    *programs("timers", "mqueue-lat nanosleep posix_timers set-tz valid-adjtimex"),
    *programs("tmpfs", "bug-link-o-tmpfile"),
    *programs("vDSO", "vdso_test_abi vdso_test_getcpu vdso_test_gettimeofday", more="parse_vdso.c"),
    *programs("vm", "map_fixed_noreplace map_populate mlock2-tests mrelease_test mremap_dontunmap mremap_test "
              "va_128TBswitch"),
    Program("vm/madv_populate", "vm_util.c"),
    Program("vm/on-fault-limit", run="ulimit -l 8192; timeout -s KILL 60 ./on-fault-limit"),
    *programs("x86", "corrupt_xstate_header fsgsbase fsgsbase_restore ioperm iopl ldt_gdt mov_ss_trap "
              "ptrace_syscall sigaltstack sigtrap_loop single_step_syscall syscall_arg_fault syscall_nt "
              "sysret_rip test_mremap_vdso test_vsyscall", more="-no-pie"),
    Program("x86/check_initial_reg_state", "-no-pie -static -Wl,-ereal_start"),
    Program("x86/sysret_ss_attrs", "-no-pie thunks.S", seconds=5),
]

# what is not built, and why: a folder, or a program of a folder
LEFT_OUT = {
    "alsa": "sound cards",
    "amd-pstate": "kernel modules",
    "arm64": "another architecture",
    "bpf": "clang and BTF; Dyad has one type of BPF program",
    "breakpoints/breakpoint_test_arm64": "another architecture",
    "breakpoints/step_after_suspend_test": "suspends the machine",
    "cgroup": "the hierarchies of a systemd machine; tests/system/cgroup.py has the checks",
    "cpu-hotplug": "CPUs do not come and go",
    "cpufreq": "no frequency scaling",
    "damon": "DAMON",
    "dma": "DMA benchmark module",
    "dmabuf-heaps": "graphics buffers",
    "drivers": "drivers of hardware that Dyad has not",
    "efivarfs": "EFI variables",
    "filesystems/binderfs": "Android's binder",
    "filesystems/dnotify_test": "never ends: a demonstration",
    "filesystems/epoll/epoll_wakeup_test": "minutes in an emulator: 60 cases of up to 100,000 rounds",
    "filesystems/fat": "FAT",
    "firmware": "firmware loading",
    "fpu": "a debugfs file of a test module",
    "ftrace": "tracing",
    "gpio": "GPIO",
    "ia64": "another architecture",
    "intel_pstate": "frequency scaling",
    "ir": "infrared",
    "kexec": "kexec",
    "kmod": "kernel modules",
    "kvm/aarch64": "another architecture",
    "kvm/access_tracking_perf_test": "idle page tracking (/sys/kernel/mm/page_idle)",
    "kvm/dirty_log_test": "1 GiB of guest memory, written again and again: minutes in an emulator",
    "kvm/hardware_disable_test": "512 times four vCPUs that spin and 64 threads: minutes in an emulator",
    "kvm/lib": "the library of the others",
    "kvm/max_guest_memory_test": "a benchmark; wants huge pages (MADV_NOHUGEPAGE)",
    "kvm/memslot_perf_test": "a benchmark of 512 MiB slots",
    "kvm/s390x": "another architecture",
    "landlock": "Landlock",
    "lib": "kernel modules",
    "livepatch": "kernel modules",
    "lkdtm": "a debugfs of crashes",
    "locking": "kernel modules",
    "media_tests": "video devices",
    "memfd/fuse_mnt": "FUSE",
    "memfd/fuse_test": "FUSE",
    "memory-hotplug": "memory does not come and go",
    "mqueue/mq_perf_tests": "a benchmark",
    "nci": "NFC",
    "net": "network devices and iproute2 scripts; tests/system and tests/abi have the sockets' checks",
    "netfilter": "netfilter",
    "nolibc": "a program that is its own init",
    "ntb": "NTB hardware",
    "openat2/rename_attack_test": "800,000 rounds: minutes in an emulator",
    "perf_events": "perf_event_open",
    "pidfd/pidfd_poll_test": "10,000 processes: a minute in an emulator",
    "pidfd/pidfd_test": "half a minute of sleeping",
    "powerpc": "another architecture",
    "prctl/disable-tsc-ctxt-sw-stress-test": "sixty processes for ten seconds",
    "prctl/disable-tsc-on-off-stress-test": "sixty processes for ten seconds",
    "pstore": "pstore",
    "ptp": "PTP clocks",
    "ptrace/vmaccess": "hangs on every Linux that has no fix for it, as 6.1",
    "rcutorture": "kernel modules",
    "resctrl": "cache allocation hardware",
    "rseq/basic_percpu_ops_test": "minutes in an emulator",
    "rseq/param_test": "minutes in an emulator",
    "rtc": "/dev/rtc0",
    "safesetid": "SafeSetID",
    "seccomp/seccomp_benchmark": "a benchmark",
    "sgx": "SGX",
    "sparc64": "another architecture",
    "splice/splice_read": "for a script about /proc and /sys of kernel modules",
    "static_keys": "kernel modules",
    "sync": "Android's sync device",
    "syscall_user_dispatch/sud_benchmark": "a benchmark",
    "sysctl": "a test module",
    "tc-testing": "traffic control",
    "timens/gettime_perf": "a benchmark of the vDSO",
    "timers/adjtick": "steers the clock for minutes",
    "timers/alarmtimer-suspend": "suspends the machine",
    "timers/change_skew": "steers the clock for minutes",
    "timers/clocksource-switch": "one clock source",
    "timers/freq-step": "steers the clock for minutes",
    "timers/inconsistency-check": "minutes",
    "timers/leap-a-day": "a day",
    "timers/leapcrash": "steers the clock",
    "timers/nsleep-lat": "a measurement of latency; an emulator has none to promise",
    "timers/raw_skew": "minutes",
    "timers/rtcpie": "/dev/rtc",
    "timers/set-2038": "sets the clock to 2038 under the other tests",
    "timers/set-timer-lat": "minutes: it waits for each clock and kind of timer",
    "timers/set-tai": "adjtimex TAI",
    "timers/skew_consistency": "minutes",
    "timers/threadtest": "half a minute of load; stress-ng has more",
    "tpm2": "TPM",
    "ublk": "ublk",
    "uevent": "uevents by netlink",
    "user": "a test module",
    "user_events": "tracing",
    "vDSO/vdso_standalone_test_x86": "vdso_test_gettimeofday without a libc",
    "vDSO/vdso_test_clock_getres": "clock_getres of a vDSO; vdso_test_abi has it",
    "vDSO/vdso_test_correctness": "getcpu of a vDSO and of the vsyscall page",
    "vm": "the others: huge pages, userfaultfd, KSM, protection keys, soft-dirty, modules",
    "watchdog": "/dev/watchdog",
    "wireguard": "WireGuard",
    "x86": "the others: 32-bit programs, AMX, descriptors of a kernel header",
    "x86/syscall_numbering": "minutes in an emulator: every number, traced",
    "zram": "kernel modules",
}
