# SPDX-License-Identifier: MIT
"""Kernels that nobody here wrote as guests: Debian's, with SVM (QEMU) and VT-x (Bochs); bad kernel files."""
import itertools
import re

import linux_guest
from harness import Case

SVM, VTX = ("guests",), ("guestsvtx",)
PLAIN = "nokaslr loglevel=1 "  # the same each time, and no console that costs exits
# The kernel tries its own ciphers (Diffie and Hellman's numbers): a third of its instructions, which Bochs runs slowly.
# With an image `vm` says so itself.
NO_CIPHERS = "cryptomgr.notests "
BOCHS = NO_CIPHERS + "mitigations=off "  # page tables are switched at each system call (PTI) where this is not

# What a kernel says when it met something that is not there or does not work.
TROUBLE = re.compile(r"Call Trace|WARNING: CPU|\bBUG\b|Oops|unchecked MSR|ACPI (Error|Warning)|nobody cared|"
                     r"consistency problem|spurious|No irq handler|not responding|failed to")


def complaint(output):
    bad = [line for line in output.split("\n") if TROUBLE.search(line)]
    return "a kernel without trouble: " + bad[0] if bad else None


# What a machine's devices lead to: two disks of random bytes, and a wire with a server at its other end.
WORLD = r"""
for n in 32 16; do dd if=/dev/urandom of=disk$n bs=64k count=$n 2>/dev/null; done
ip link add wire0 type veth; ip addr add 10.9.0.1/24 dev veth0; ip link set veth0 up; ip link set wire0 up
nc -l -p 7777 -e cat disk16 & nc -l -p 7778 -e md5sum &
echo "before $(md5sum < disk32) $(md5sum < disk16)"
%s
status=$?
echo "part $(dd if=disk32 bs=64k skip=5 count=16 2>/dev/null | md5sum)"; echo "after $(md5sum < disk16)"
ip link del wire0; wait; exit $status
"""
DEVICES = "--disk disk32 --disk disk16,ro --net wire0 --rng --hvc"


def transfers(output):
    """What the guest read, wrote, received and sent is what was there."""
    said = dict(re.findall(r"^(?:@ )?(before|read|wrote|received|sent|part|after) (.*)$", output, re.M))
    if said.get("before") != said.get("read"):
        return "what is read from the disks to be what they hold"
    if not said.get("wrote") == said.get("part") == said.get("sent"):
        return "what is written and sent to arrive"
    if not said.get("after") == said.get("received") == said["before"][len(said["after"]):].strip():
        return "the second disk as it was, on the wire and afterwards"
    return complaint(output)

PIC_TIMER = r"0: [1-9]\d* XT-PIC timer"
CLOCKS = ("^@ clocks .*kvm-clock",)  # that Linux may choose: with a TSC that it trusts it takes that

BOOTS = []  # each of Debian's kernels, as (case, machines, kernel, entry, interrupts, clock, vCPUs): see table()
BY = {"guests": "SVM", "guestsvtx": "VT-x", "qemu": "SVM", "bochs": "VT-x"}
DYAD_CPUS = (1, 4)


def boots(name, kernel, words="", options="", cpus=1, on=SVM, end="port", irq="PCI", **kw):
    """The kernel with a session. words of its command line: nolapic, no-kvmclock; "devices": with virtio."""
    devices, pic, plain_clock = (word in words for word in ("devices", "nolapic", "no-kvmclock"))
    BOOTS.append((name, on, kernel, "16" if "--boot16" in options else "64", "PIC" if pic else "APIC",
                  "none" if plain_clock else "kvmclock", str(cpus)))
    options += " " + DEVICES if devices else ""
    run = "vm run --mem 96M --cpus %d %s --kernel %s --initrd %s --append '%s'" % (
        cpus, options, linux_guest.FOLDER + kernel, linux_guest.FOLDER + "initrd",
        PLAIN + words + " end=" + end)
    match = (r"^@ Linux 6\.1\.\d+-\d+-%s x86_64$" % linux_guest.FLAVOURS[kernel], "^@ %d cpus, clock (kvm-clock|tsc|tsc-early|acpi_pm)$" % cpus,
             "^@ timer.*" + (PIC_TIMER if pic else "LOC: [1-9]"), r"^@ flags .* x2apic .* hypervisor", r"^@ date 20[2-9]\d$",
             "^@ slept$", "^@ forked 20$", "^@ piped 400$", *(() if plain_clock else CLOCKS))
    lacks = (r"^@ flags .* (svm|vmx|monitor|tsc_deadline_timer|pcid|mce)\b", *(CLOCKS if plain_clock else ()))
    if devices:
        # Linux throws away what is typed before its driver is there
        run = WORLD % ("while sleep 1 && echo hello; do :; done | " + run)
        match += ("^@ disks 4096 0 2048 1 $", "^@ vdb is read-only$", "^@ random 1000 virtio_rng.0$", "^@ typed hello$",
                  "^@ consoles ttyS0%s$" % (" hvc0" if "hvc0" in words else ""),
                  "^@ 3 packets transmitted, 3 packets received", r"^@ interrupts.* %s .*virtio0" % irq)
    case = Case(name, run, status=7 if end == "port" else 0, match=match, lacks=lacks,
                check=transfers if devices else complaint, on=on,
                seconds=120, **kw)
    # QEMU 7.2 may keep the translation of an instruction that another CPU patches just then: an INT3 that is in memory
    # no longer, at which Linux's CPUs (text_poke_bp()) stand for ever
    case.spins = cpus > 1 and on == SVM
    return case


def table():
    """BOOTS as tests/README.md shows them, if each kernel has each value of each column, and by SVM each two that can meet."""
    rows = [(name, BY[machine], *cell) for name, on, *cell in BOOTS for machine in on]
    for kind, kernel in itertools.product(("SVM", "VT-x"), linux_guest.FLAVOURS):
        had = [row[3:] for row in rows if row[1:3] == (kind, kernel)]
        pairs = {pair for cell in had for pair in itertools.combinations(cell[:3], 2)}
        if [len(set(column)) for column in zip(*had)] != [2, 2, 2, 2] or (kind == "SVM" and len(pairs) != 12):
            raise SystemExit("tests/system/guests.py: %s by %s starts only by %s" % (kernel, kind, had))
    rows += [(case.name, BY[machine], "dyad", "PVH", "APIC", "-", str(cpus))
             for case in CASES if case.name == "dyad-cpus" for machine in case.on for cpus in DYAD_CPUS]
    line = "%-20s %-5s %-7s %-6s %-11s %-9s %5s"
    return "\n".join(line % row for row in [("case", "by", "kernel", "entry", "interrupts", "clock", "vCPUs"), *rows])


# A kernel file of 3 sectors, good but for what each line makes of it: OFFSET BYTES.
BAD_FILES = r"""
poke() { printf "$2" | dd of=kernel bs=1 seek=$(($1)) conv=notrunc 2>/dev/null; }
try() {
	dd if=/dev/zero of=kernel bs=512 count=3 2>/dev/null
	poke 0x1f1 '\001'; poke 0x1f4 '\040'; poke 0x1fe '\125\252HH'; poke 0x202 'HdrS\017\002'; poke 0x211 '\001'; poke 0x232 '\020'
	poke 0x236 '\001'; poke 0x239 '\010'; poke 0x25a '\020'; poke 0x262 '\020'
	while [ $# -gt 1 ]; do poke $1 $2; shift 2; done
	vm run --kernel kernel --initrd ${1:-/etc/passwd} 2>&1; echo $?
}
"""
BAD = (  # arguments of try, what is said
    (r"0x1fe '\000'", "kernel: not a kernel: no Linux, multiboot or PVH header, no boot sector"),
    (r"0x1f1 '\002'", "kernel: cut off: its setup code has 1536 bytes, the file 1536"),
    (r"0x1f1 '\377'", "kernel: cut off: its setup code has 131072 bytes, the file 1536"),
    (r"0x1f4 '\041'", "kernel: cut off: the header tells of 1552 bytes, the file has 1536"),
    (r"0x1f7 '\377'", "kernel: cut off: the header tells of 68451042816 bytes, the file has 1536"),
    (r"0x206 '\001'", "kernel: too old: boot protocol 2.01, at least 2.03 is needed"),
    (r"0x262 '\000\020'", "kernel needs 257 MiB of memory, the machine has 128 (--mem)"),
    (r"0x25f '\377'", "kernel needs 17523466567682 MiB of memory, the machine has 128 (--mem)"),
    ("/nosuch", "/nosuch: No such file or directory"),
    ("/dev/null", "/dev/null: empty"),
)
BAD_MULTIBOOT = (  # the same of tests/guest/multiboot, whose header is at 0x1000
    (r"0x1004 '\013' 0x1008 '\363'", "kernel: asks a multiboot loader for what vm has not (flags 0xb)"),
    (r"0 '\000'", "kernel: not a kernel: no Linux, multiboot or PVH header, no boot sector"),
    (r"0x36 '\001'", "kernel: not a whole ELF file for x86-64"),
    (r"0x20 '\377\377'", "kernel: not a whole ELF file for x86-64"),
    (r"0x82 '\001'", "kernel: cut off, or a segment that is not in the file"),
    (r"0xa0 '\001'", "kernel: cut off, or a segment that is not in the file"),
    (r"0x94 '\001'", "kernel does not fit into 64 MiB of memory"),
    (r"0x91 '\000\011'", "kernel: a segment at 0x90000, where the machine's tables are"),
    (r"0x1b '\001'", "kernel: its entry 0x110000c is not in the kernel"),
)

# One image as a container and under a kernel of its own, Debian's; `vm` finds that by the word linux.
IMAGE = r"""export DYAD_LINUX=%s
see='uname -r; md5sum /bin/busybox'
before=$(md5sum < /images/busybox.erofs)
ctr run busybox -- sh -c "$see"
vm run --kernel linux busybox -- sh -c "$see"'; echo new > /etc/mark; cat /etc/mark; dmesg | grep -o "DAX enabled"; exit 7'
echo $?
[ "$before" = "$(md5sum < /images/busybox.erofs)" ] && echo unchanged
""" % (linux_guest.FOLDER + "cloud")


def same_program(output):
    sums = set(re.findall(r"^(\w+)  /bin/busybox$", output, re.M))
    return None if len(sums) == 1 else "the same /bin/busybox twice"


def image(name, kernel, rest, **kw):
    return Case(name, "export DYAD_LINUX=%s; %s" % (linux_guest.FOLDER + kernel, rest), on=SVM, seconds=120, **kw)

# What boots on a PC: a script starts `machine OPTION...` on a pipe as its keyboard, and waits for what the screen shows.
PC = r"""
cd /tmp/case; mkfifo keys
machine() { vm run --name pc "$@" < keys > screen & p=$!; exec 3> keys; }
again() { vm snapshot --stop pc s.vm; exec 3>&-; wait $p; vm restore s.vm < keys >> screen & p=$!; exec 3> keys; }
shows() { until grep -q "$1" screen; do [ -d /proc/$p ] || break; sleep 0.1; done; }
over() { exec 3>&-; kill $p 2>/dev/null; wait $p; status=$?; cat screen; return $status; }
"""
CUT = "dd if=/tests/guest/bootsector of=boot.img bs=1024 skip=4 count=1 2>/dev/null; "

# kvmtool with its libraries
LKVM = r"""export HOME=$PWD; F=%s
lkvm() { $F/lib/ld-linux-x86-64.so.2 --library-path $F/lib $F/lkvm "$@"; }
""" % linux_guest.FOLDER.rstrip("/")


def lkvm_run(name, kernel, options, words="", **kw):
    return Case(name, LKVM + r"""
dd if=/dev/urandom of=disk bs=64k count=4 2>/dev/null; echo "@ holds $(md5sum < disk)"
lkvm run -k $F/%s -i $F/kvmtool -m 128 %s --disk disk --network mode=none -p '%s'
dd if=disk bs=512 skip=3 count=1 2>/dev/null | tr -d '\0'""" % (kernel, options, PLAIN + words), seconds=60,
                needs=linux_guest.lacks_kvmtool,
                match=(r"^@ Linux 6\.1\.\d+-\d+-%s %s cpus$" % (linux_guest.FLAVOURS[kernel], options[-1]),
                       r"(?s)^@ holds (\w+) .*^@ read \1 ", "^by the guest$"), **kw)


CASES = [
    Case("bad-files", BAD_FILES + "\n".join("try " + words for words, _ in BAD) + r"""
# a good one of 32 bits, that does not tell its size, and of a version without a word on memory: it ends with that, mov 0x206(%esi), %al; out %al, $0xf4
try 0x1f4 '\000' 0x206 '\007' 0x22f '\007' 0x260 '\377\377\377\377' 0x400 '\212\206\006\002\000\000\346\364'
# those that have nothing to start but their setup code: an old one with code behind its short header (MEMDISK), and one that is no
# Linux. mov $8, %al; out %al, $0xf4
try 0x206 '\003' 0x22f '\007' 0x200 '\353\126' 0x258 '\260\010\346\364'
for only in "0x206 '\003' 0x207 '\002'" "0x232 '\000'"; do eval try $only 0x22f "'\007'" 0x200 "'\353\150'" 0x26a "'\260\010\346\364'"; done
try() { cp /tests/guest/multiboot kernel; while [ $# -gt 0 ]; do poke $1 $2; shift 2; done
	vm run --kernel kernel 2>&1; echo $?; }
""" + "\n".join("try " + words for words, _ in BAD_MULTIBOOT) + r"""
vm run --kernel nosuch --initrd /etc/passwd 2>&1; vm run --kernel kernel busybox; vm run --initrd /etc/passwd busybox
dd if=/dev/zero of=big bs=1M count=64 2>/dev/null; vm run --kernel /tests/guest/multiboot --initrd big
""", out="\n".join(["vm: %s\n125" % said for _, said in BAD] + ["7", "8", "8", "8"] + ["vm: %s\n125" % said for _, said in BAD_MULTIBOOT]) + r"""
vm: nosuch: No such file or directory
vm: kernel: no PVH entry note
vm: run: an image takes neither --initrd nor --boot16
vm: big does not fit into 64 MiB of memory behind /tests/guest/multiboot (--mem)""", status=125, on=("qemu",)),
    Case("multiboot", "echo a module > m; echo another > n; for i in 0 1 2 3; do { echo disk $i; head -c 1024 /dev/zero; } > $i; done; "
         "{ head -c 512 /dev/zero; echo a sector; head -c 1013 /dev/zero; } > s; k='vm run --kernel /tests/guest/multiboot'; d='--disk 0,ide --disk 1,ide --disk 2,ide'; "
         "$k --initrd 'm some words,n' --append 'more words' $d --disk 3,ide; echo $?; tail -c 519 3 | tr -d '\\0'; "
         "$k --disk 0,ide; echo $?; $k --disk s,sata; echo $?; $k --cdrom m $d 2>&1; $k $d --disk 3,ide --disk 4,ide 2>&1", status=2,
         out="/tests/guest/multiboot more words\na module\n\nm some words\nanother\n\nn\ndisk 1\n\ndisk 3\n\ndisk 3\n\n255\ndisk 3\n/tests/guest/multiboot\n0\n"
             "/tests/guest/multiboot\na sector\n\n0\nvm: --disk m: there are four IDE disks at most, with a CD two\n"
             "vm: --disk 4: there are four IDE disks at most, with a CD two", on=("qemu", "bochs")),
    # a boot sector that reads what is behind it, cut out of its ELF file
    # behind it a multiboot header, as of a kernel that follows; it is none that could be loaded by that
    Case("boot-sector", CUT + r"printf '\002\260\255\033\0\0\0\0\376\117\122\344' >> boot.img; "
         # and firmware of 64 KiB without a screen's: where the CPU begins a jump to lgdtl %cs:0xff20, protected mode by CR0,
         # mov $8, %ax; ltr %ax, for which the CPU writes into the ROM; mov $7, %al; out %al, $0xf4
         r"{ zeros() { head -c $1 /dev/zero; }; zeros 65280; printf '\056\146\017\001\026\040\377\017\040\300\014\001\017\042\300"
         r"\270\010\000\017\000\330\260\007\346\364'; zeros 7; printf '\017\000\060\377\377\377'; zeros 18; printf 'g\000\000\000\000\211'; "
         r"zeros 178; printf '\351\015\377'; zeros 13; } > rom; vm run --firmware rom; echo $?; "
         "vm run --kernel boot.img | tail -n 1; truncate -s 1536 boot.img; "
         "vm run --console --kernel boot.img --disk boot.img,ide 2>said >/dev/null; s=$?; tail -n 1 said; head -c 1044 boot.img | tail -c 20; exit $s", status=130,
         out="7\nread by the firmware\nprinted\nread by the firmware", on=("qemu", "bochs")),
    Case("boot-floppy", PC + "dd if=/tests/guest/floppy of=boot.img bs=512 skip=8 count=19 2>/dev/null; truncate -s 1440K boot.img; { head -c 19456 /dev/zero; echo conductor; head -c 1014 /dev/zero; } > hd; "
         "head -c 516096 /dev/zero > first; machine --console --kernel boot.img --disk first,ide --disk hd,ide 2> com1; "
         "shows 'sector 18'; again; printf aBq >&3; wait $p; s=$?; over; cat com1; exit $s", status=16, match=("^    >sector 18aB$", "^!$"), on=SVM + VTX, seconds=60),
    Case("tasks", "vm run --kernel /tests/guest/tasks", status=121, on=("qemu", "bochs")),
    # what a BIOS says of the disk a boot sector is on, by its size, as an exit status: push %dx; mov $8, %ah; int $0x13; int $0x11;
    # and $1, %al; shl $6, %al; add %cl, %al (sectors of a track); pop %dx; add %dl, %al; out %al, $0xf4. And ljmp $0xf000, $0xfff0
    Case("floppy-kinds", r"try() { printf $1 > f; truncate -s $2K f; printf '\125\252' | dd of=f bs=1 seek=510 conv=notrunc 2>/dev/null; "
         r"vm run --kernel f >out; echo $?; }; for k in 360 720 1200 1440 2880 1441; do try 'R\264\010\315\023\315\021\044\001\300\340\006\000\310Z\000\320\346\364' $k; done; "
         r"try '\352\360\377\000\360' 4; "
         # whether there is a hard disk, which a floppy disk is not: mov $0x80, %dl; mov $8, %ah; int $0x13; sbb %al, %al
         r"for k in 1440 1441; do try '\262\200\264\010\315\023\030\300\346\364' $k; done; "
         # keys in set 2: cli; config of the controller without translation; 1c is waited for; the sum of the next two bytes
         r"yes a | try '\372\260\140\346\144\260\004\346\140\344\144\250\001\164\372\344\140\074\034\165\364\344\144\250"
         r"\001\164\372\344\140\210\303\344\144\250\001\164\372\344\140\000\330\346\364' 4",
         out="73\n73\n79\n82\n100\n191\n0\n255\n0\n12", on=("qemu", "bochs")),
    # by SeaBIOS's own driver; four more: the first IDE disk is not there
    Case("bios-sata", PC + CUT + "head -c 1047552 /dev/zero >> boot.img; machine --firmware %sbios-256k.bin --disk boot.img,sata; wait $p; s=$?; over; "
         "head -c 1536 boot.img | tail -c 512 | tr -d '\\0'; exit $s" % linux_guest.FOLDER, status=134, on=SVM, seconds=60,
         match=("^read by the firmware$", "^read by the firmware\r$")),
    Case("bios-disk", PC + CUT + "head -c 512 /dev/zero >> boot.img; machine --disk boot.img,ide; wait $p; s=$?; over; "
         "tail -c 512 boot.img | tr -d '\\0'; exit $s", status=130, on=SVM + VTX, seconds=60,
         match=(r"^Booting from Hard Disk", "^read by the firmware$", "^read by the firmware\r$")),
    Case("memtest", PC + "machine --vga --kernel %smemtest; shows 'to start testing'; printf '\\r' >&3; shows 'Test #[3-9]  \\[[A-Z].*\\]'; over"
         % linux_guest.FOLDER, status=143, on=SVM, seconds=60,
         match=(r"Test #[3-9]  \[[A-Z].*\]", "Errors: 0"), lacks="Errors: [1-9]"),
    Case("ipxe", PC + "machine --cdrom %sipxe.iso; shows 'Features: '; printf '\\002' >&3; shows 'iPXE>'; again; "
         "printf 'echo it is ${platform}\\r' >&3; shows '^it is'; over" % linux_guest.FOLDER, status=143, on=SVM,
         seconds=60, match=("^ISOLINUX", "^iPXE 1", "^it is pcbios$")),
    # as a kernel with a script as its command line
    Case("ipxe-kernel", PC + "machine --vga --kernel %sipxe.lkrn --append 'echo it is ${platform} && shell'; shows 'iPXE>'; over" % linux_guest.FOLDER, status=143,
         on=SVM, seconds=60, match=("^Booting from ROM", "^it is pcbios$")),
    Case("grub-dyad", PC + "machine --cpus 2 --cdrom %sdyad.iso; shows '^Booting from'; again; wait $p; s=$?; over; exit $s" % linux_guest.FOLDER, status=0, on=SVM,
         seconds=90, match=("^Booting from DVD/CD", "^@ hello from the CD to 2$")),
    # and by UEFI, which gives GRUB and the kernel its own ACPI tables of those that it got
    Case("uefi-dyad", "vm run --mem 128M --cpus 2 --firmware %suefi/OVMF.fd --cdrom %sdyad.iso" % (linux_guest.FOLDER, linux_guest.FOLDER), on=SVM,
         seconds=90, match=(r"^@ hello from the CD to 2\r$",)),
    # the same file as a disk, by vm's own firmware
    Case("grub-disk", "vm run --mem 128M --kernel %sdyad.iso | cat" % linux_guest.FOLDER, on=SVM, seconds=90,
         match=("^Welcome to GRUB!", "^@ hello from the CD to 1$")),
    # a hypervisor as guest: up to the first instructions of its first domain's kernel. smap=0, because that returns to
    # itself by IRET in ring 3, which QEMU 7.2 takes for the kernel's own access to the user's stack
    Case("xen", ": > out; vm run --mem 256M --kernel %sxen --initrd %scloud --append 'com1=115200,8n1 console=com1 smap=0 bootscrub=0' > out & "
         "p=$!; until grep -q '^about to get started' out; do [ -d /proc/$p ] || break; sleep 0.2; done; kill $p; wait $p; s=$?; "
         "cat out; exit $s" % (linux_guest.FOLDER, linux_guest.FOLDER), status=143, on=SVM, seconds=60,
         match=(r"^\(XEN\) Xen version 4\.17", r"^\(XEN\)  Dom0 kernel: 64-bit",
                "^about to get started")),
    boots("cloud-pic", "cloud", "nolapic pci=nomsi console=hvc0 devices", irq="XT-PIC", end="poweroff"),
    boots("cloud-16-bit-mmio", "cloud", "devices", options="--boot16 --transport mmio", cpus=2, irq="IO-APIC"),
    boots("cloud-16-bit-pic", "cloud", "nolapic pci=nomsi no-kvmclock", options="--boot16"),
    boots("cloud-smp", "cloud", "no-kvmclock", cpus=2),
    boots("stock-16-bit-smp", "stock", "no-kvmclock", options="--boot16", cpus=2),
    boots("stock-16-bit-pic", "stock", "nolapic pci=nomsi", options="--boot16"),
    boots("stock-pic", "stock", "nolapic pci=nomsi no-kvmclock"),
    boots("stock-smp", "stock", cpus=2, end="reset"),
    # in Bochs each is dear, of the stock kernel unpacking its XZ above all
    boots("cloud-16-bit-smp", "cloud", NO_CIPHERS + "no-kvmclock devices", options="--boot16", cpus=2, on=VTX),
    boots("cloud-pic", "cloud", BOCHS + "nolapic pci=nomsi", on=VTX),
    boots("stock-16-bit-pic", "stock", BOCHS + "nolapic pci=nomsi no-kvmclock", options="--boot16", on=VTX, end="poweroff"),
    boots("stock-smp", "stock", BOCHS, cpus=2, on=VTX),
    # Dyad itself with little memory, and the 2 MiB of its image: a process on each CPU
    Case("dyad-cpus", "for n in %s; do vm run --mem 16M --cpus $n busybox -- sh -c 'awk \"/MemTotal/ { print (\\$2 <= 18432) }\" /proc/meminfo; "
         "for cpu in $(seq $(nproc)); do taskset -c $((cpu - 1)) cut -d \" \" -f 39 /proc/self/stat; done'; echo is $?; done"
         % " ".join(map(str, DYAD_CPUS)), on=("qemu", "bochs"), seconds=40,
         out="\n".join("\n".join(["1", *map(str, range(n)), "is 0"]) for n in DYAD_CPUS)),
    # and on its virtio drivers
    Case("dyad-devices", WORLD % ("vm run %s busybox -- sh -c '%s'" % (DEVICES, r"""
grep -o "[0-9]* vd." /proc/partitions
echo "read $(md5sum < /dev/vda) $(md5sum < /dev/vdb)"
dd if=/dev/urandom of=/tmp/random bs=64k count=16 2>/dev/null
dd if=/tmp/random of=/dev/vda bs=64k seek=5 conv=fsync 2>/dev/null && echo "wrote $(md5sum < /tmp/random)"
dd if=/tmp/random of=/dev/vdb bs=4k count=1 2>/dev/null || echo read-only
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
echo "received $(nc 10.9.0.1 7777 < /dev/null | md5sum)"
echo "sent $(nc 10.9.0.1 7778 < /tmp/random)"; exit 9
""")), status=9, match=("^2048 vda$", "^1024 vdb$", "^read-only$"), check=transfers, on=("qemu", "bochs")),
    Case("bad-devices", r"""
head -c 65536 /dev/zero > bad.erofs; DYAD_IMAGES=. vm run bad -- true; echo $?
echo > small; mkfifo pipe; ln -s loop loop
dd if=/dev/zero of=odd bs=513 count=1 2>/dev/null; dd if=/dev/zero of=disk bs=512 count=1 2>/dev/null
for disk in nosuch /tmp ,ro small pipe,ro odd,ro loop disk/disk /dev/null; do
	vm run --disk $disk busybox -- true 2>&1; echo $?
done
vm run --net nosuch busybox -- true 2>&1; vm run --transport isa busybox -- true 2>&1; vm run --net tap:x busybox -- true 2>&1; echo $?
while [ $# -lt 80 ]; do set -- "$@" --disk disk,ro; done; vm run "$@" busybox -- true 2>&1; echo $?
vm run --transport mmio "$@" busybox -- true 2>&1; echo $?
vm run --floppy small 2>&1; vm run --floppy small busybox -- true 2>&1; DYAD_FIRMWARE=nosuch vm run --floppy disk 2>&1
unshare -m sh -c 'mount -t tmpfs none /lib/dyad; exec vm run --cdrom disk' 2>&1
""", out="""init: the image cannot be the root: Invalid argument
125
vm: nosuch: No such file or directory
125
vm: /tmp: Is a directory
125
vm: ,ro: No such file or directory
125
vm: small: has 1 bytes, which is no disk of sectors of 512
125
vm: pipe: neither a file nor a disk
125
vm: odd: has 513 bytes, which is no disk of sectors of 512
125
vm: loop: Symbolic link loop
125
vm: disk/disk: Not a directory
125
vm: /dev/null: neither a file nor a disk
125
vm: --net nosuch: No such device (none, bridge, tap:NAME or one of the host's)
vm: --transport isa: pci or mmio
vm: --net tap:x: /dev/net/tun: No such file or directory
125
vm: too many devices: a PCI bus has 31 slots
2
vm: too many devices: 14 have an interrupt line
2
vm: small: 1 bytes, which no floppy disk has
vm: --floppy: only firmware has one, which a kernel starts without
vm: nosuch: No such file or directory
vm: disk needs a PC's firmware: install seabios, or name its file in DYAD_FIRMWARE""", status=125, on=("qemu",)),
    # at the first disk in a file, and then all that is done with devices
    Case("cloud-snapshot", WORLD % (r"""vm run --mem 96M --cpus 2 --name a --transport mmio %s --kernel %scloud --initrd %sinitrd --append '%sdevices' > a.out & p=$!
until grep -q '^@ disks' a.out; do [ -d /proc/$p ] || break; sleep 0.1; done; vm snapshot --stop a s.vm; wait $p; cat a.out
echo "then $(grep -c '^@ sent' a.out)"; while sleep 1 && echo hello; do :; done | vm restore s.vm"""
                                    % (DEVICES, linux_guest.FOLDER, linux_guest.FOLDER, PLAIN)), status=7, seconds=120, on=SVM,
         match=("^@ wrote", "^then 0$", "^@ random 1000 virtio_rng.0$", "^@ 3 packets transmitted, 3 packets received", "^@ typed hello$"),
         lacks=r"(?s)^@ Linux.*^@ Linux", check=transfers),
    # in the middle of writes to a disk, and of a connection whose other end is not told
    Case("dyad-snapshot", WORLD % (r"""sleep 60 | nc -l -p 7779 > counted &
vm run --name a %s busybox -- sh -c 'ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
for i in 1 2 3 4 5 6; do dd if=/dev/urandom of=/tmp/r$i bs=64k count=1; dd if=/tmp/r$i of=/dev/vda bs=64k seek=$i conv=fsync
echo $i; echo tick $i >&3; sleep 0.2; done 3>&2 2>/dev/null | nc 10.9.0.1 7779; cat /tmp/r? | md5sum; md5sum < /dev/vdb; exit 9' > a.out & p=$!
until grep -q "tick 3" a.out; do [ -d /proc/$p ] || break; sleep 0.05; done; vm run --disk disk32 busybox; vm run --disk disk32,ro busybox
vm snapshot a live.vm; vm restore live.vm; vm snapshot --stop a s.vm; wait $p; echo $?; vm restore s.vm > b.out; s=$?
{ dd if=disk32 bs=64k skip=1 count=6 2>/dev/null | md5sum; md5sum < disk16; } > want; grep "  -" b.out | cmp - want && echo as written
tr '\n' ' ' < counted; vm restore s.vm; vm restore live.vm; kill $(jobs -p); (exit $s)""" % DEVICES), status=9, on=("qemu",), seconds=60,
         match=(r"""^vm: disk32: another machine has it
vm: disk32: another machine may write to it
vm: /tmp/case/disk32: another machine has it
137
as written
1 2 3 4 5 6 vm: s.vm: /tmp/case/disk32 was changed after the snapshot
vm: live.vm: /tmp/case/disk32 was changed after the snapshot
part""",)),
    Case("image-cloud", IMAGE, check=same_program, on=SVM + VTX, seconds=120, lacks="^init: ",
         match=(r"\A6\.1\.0-dyad\n", r"^6\.1\.\d+-\d+-cloud-amd64$", "^new$", "^DAX enabled$", "^7$", "^unchanged$")),
    # the agent there too: its port shares an interrupt line with the console's, and Linux must find that
    # and folders of the host's by 9p: what the guest does there is done here, and nothing where links point to
    image("image-stock", "stock", "mkdir s r s/dir; echo of the host > s/file; echo inside > r/file; echo secret > secret; "
          "ln -s ../secret s/out; ln -s /tmp/case s/case; "
          "vm run -d --name t --cpus 2 --share s:/mnt/s --share r:/mnt/r,ro --kernel linux busybox -- "
          "sh -c 'nproc; uname -r; exec sleep 100'; "
          "until vm logs t | grep amd64; do sleep 0.1; done; vm logs t; echo in | vm exec t -- sh -c 'cat; exit 5'; echo $?\n"
          "vm exec t -- sh -c 'cd /mnt/s; cat file out case/secret; echo of the guest > new; mkdir d; mv new d/renamed; "
          "i=0; while [ $i -lt 24 ]; do : > dir/$i; i=$((i + 1)); done; ls dir | wc -l; rm dir/1? file; rmdir d; ln -s /etc/group l; "
          "cp /bin/busybox sh; chmod 4755 sh; ./sh -c \"echo run there\"; cat ../r/file; rm ../r/file; echo x > ../r/x' 2>&1\n"
          "cat s/d/renamed secret; ls s s/dir | tr '\\n' ' '; readlink s/l; cmp s/sh /bin/busybox && ls r\n"
          "vm stop t; vm ps -a | grep -o 'exited 143'; vm rm t\n"
          "DYAD_LINUX=%scloud vm run --share s --kernel linux busybox" % linux_guest.FOLDER, status=125,
          match=(r"^2\n6\.1\.\d+-\d+-amd64$", r"^in\n5$", "^exited 143$",
                 r"^of the host\ncat: can't open 'out': No such.*\ncat: can't open 'case/secret': No such.*\n24\n"
                 r"rmdir: 'd': Directory not empty\nchmod: sh: Operation not permitted\nrun there\ninside\n"
                 r"rm: can't remove '../r/file': Read-only.*\nsh: can't create ../r/x: Read-only.*\n"
                 r"of the guest\nsecret\ns:",
                 r" l out sh  s/dir: 0 1 2( 2\d){4} 3 4 5 6 7 8 9 /etc/group\nfile$",
                 r"^vm: --share: \S*cloud.modules has no module for 9p \(Debian's cloud kernel has none")),
    # written to the same image as above, and gone with that machine; a signal that ends the command
    image("image-debian", "cloud", "vm run --mem 160M --kernel linux debian -- bash -c "
          "'ls /etc/mark; python3 -c \"print(6 * 7)\"; kill -9 $$'; echo $?",
          match=(r"No such file", "^42$", "^137$")),
    image("image-disk", "cloud", "echo on the disk > disk; truncate -s 65536 disk; vm run --disk disk --kernel linux busybox -- "
          "head -n 1 /dev/vda; echo $?; vm run --disk disk --kernel linux busybox -- nosuch; echo $?",
          match=("^on the disk\n0$", "^init: nosuch: not found$", "^127$")),
    image("image-bridge", "cloud", "vm run -d --name w -p 8080:80 --kernel linux busybox -- sh -c 'mkdir /w; uname -s > /w/f; httpd -f -p 80 -h /w'; "
          "until wget -qO- http://127.0.0.1:8080/f 2> /dev/null; do sleep 0.2; done; "
          "vm run --net bridge busybox -- wget -qO- http://w/f; vm rm -f w", out="w\nLinux\nLinux"),
    # two layers in one: Dyad's ctr under Debian's kernel, in a machine that the second one finds
    image("ctr-in-vm", "cloud", "for i in 1 2; do ctr run --in-vm=linux busybox -- sh -c 'uname -r | grep -o cloud; ls /mark; touch /mark'; echo $?; done; "
          "vm ps -q; vm logs in-vm-busybox-linux | grep -c start; vm stop in-vm-busybox-linux",
          out="cloud\nls: /mark: No such file or directory\n0\ncloud\nls: /mark: No such file or directory\n0\nin-vm-busybox-linux\n2"),
    image("image-panic", "cloud", "vm run --kernel linux busybox -- sh -c 'echo c > /proc/sysrq-trigger'; echo $?",
          match=(r"^vm: the guest's kernel panicked; the last lines of its console:$", "Kernel panic - not syncing", r"^125$")),
    # the monitor of lab 12: no firmware's tables, and input by interrupts
    Case("monitor", "echo some words | monitor -m 96M %scloud %sinitrd %s session=reads end=port" % (
        linux_guest.FOLDER, linux_guest.FOLDER, PLAIN), status=7, on=SVM, seconds=120, check=complaint,
         match=(r"^@ Linux 6\.1\.\d+-\d+-cloud-amd64 x86_64$", "^@ 1 cpus, clock kvm-clock$", "^@ slept$", "^@ forked 20$",
                "^@ piped 400$", "^@ read some words$")),
    # a monitor that nobody here wrote either; it sets the machine-check MSRs of a CPU that has some
    Case("qemu-microvm", "qemu-system-x86_64 -L /usr/share/qemu -accel kvm -cpu qemu64,-mce,-mca "
         "-M microvm,kernel-irqchip=on,rtc=on -m 96 -smp 2 -nodefaults -no-user-config -display none -serial stdio "
         "-no-reboot -kernel %scloud -initrd %sinitrd -append 'console=ttyS0 panic=-1 %s end=reset'" % (
             linux_guest.FOLDER, linux_guest.FOLDER, PLAIN), on=("monitor",), seconds=120,
         match=(r"^@ Linux 6\.1\.\d+-\d+-cloud-amd64 x86_64$", "^@ 2 cpus, clock kvm-clock$", "^@ date 20[2-9]\\d$",
                "^@ slept$", "^@ forked 20$", "^@ piped 400$")),
    # kvmtool: a PC without ACPI, its disk behind libaio; it reads no keys that are not a terminal's. It ends by SIGSEGV,
    # on Linux as well
    lkvm_run("kvmtool", "stock", "-c 2", on=("monitor",)), lkvm_run("kvmtool", "cloud", "-c 1", NO_CIPHERS + "mitigations=off", on=VTX),
    # its other devices, and its other commands from a second shell
    Case("kvmtool-commands", LKVM + r"""
mkdir share; echo of the host > share/host; cat $F/stock.modules $F/kvmtool > initrd
lkvm run --name a -k $F/stock -i initrd -m 128 -c 1 --9p share,shared --rng --balloon -p '%s stays' > out 2>&1 & p=$!
free() { sed -n 's/^@ free //p' out | tail -n 1 | cut -d' ' -f1; }
until [ "$(free)" ]; do [ -d /proc/$p ] || break; sleep 0.2; done; before=$(free)
lkvm list | grep ' a '; lkvm stat -m --name a | grep 'total amount'; lkvm debug --dump --name a | grep -c 'rip:'
lkvm pause --name a; lkvm list | grep ' a '; sleep 0.5; lines=$(wc -l < out); sleep 1; [ $lines = $(wc -l < out) ] && echo it stands still
lkvm resume --name a; until [ $lines -lt $(wc -l < out) ]; do [ -d /proc/$p ] || break; sleep 0.1; done
lkvm balloon --name a --inflate 16; until [ $((before - $(free))) -gt 12000 ]; do [ -d /proc/$p ] || break; sleep 0.2; done; echo less memory
lkvm stop --name a; wait $p; lkvm list 2>/dev/null | grep ' a '; cat share/guest; grep -v "^@ free" out""" % PLAIN, on=("monitor",), seconds=60,
         needs=linux_guest.lacks_kvmtool,
         match=(r"^ *\d+ a +running\nThe total amount of memory available \(in bytes\):\d+\n2\nGuest a paused\n *\d+ a +paused\n"
                r"it stands still\nGuest a resumed\nless memory\nof the guest$", "^@ shared of the host$", "^@ random 1000 virtio_rng.0$",
                "^@ 3 packets transmitted, 3 packets received")),
]
