# SPDX-License-Identifier: MIT
# What Dyad needs from a machine: one table for tools/deps and tools/doctor. POSIX sh, sourced.
#
# group | what | how to see it | least version | Debian, Ubuntu | Fedora | Arch | macOS (brew)
# cmd:A,B      one of these commands        file:GLOB,GLOB  one of these files
# Groups: build (make), run (make qemu), bochs, grub (ISOs: bochs too), iso (make iso, uefi), test, nice.
NEEDS='
build|C compiler|cmd:gcc,clang,x86_64-linux-gnu-gcc,x86_64-elf-gcc|10|gcc|gcc|gcc|x86_64-elf-gcc
build|binutils|cmd:ld,x86_64-linux-gnu-ld,x86_64-elf-ld|2.35|binutils|binutils|binutils|x86_64-elf-binutils
build|make|cmd:make,gmake|4.0|make|make|make|make
build|Python|cmd:python3|3.9|python3|python3|python|python
build|musl libc|cmd:musl-gcc,x86_64-linux-musl-gcc||musl-tools|musl-gcc|musl|filosottile/musl-cross/musl-cross
build|Linux headers|file:/usr/include/linux/kvm.h,/usr/x86_64-linux-gnu/include/linux/kvm.h||linux-libc-dev|kernel-headers|linux-api-headers|filosottile/musl-cross/musl-cross
build|busybox, static|file:/bin/busybox,/usr/bin/busybox,build/cache/busybox-static/*/busybox||busybox-static|busybox|busybox|-
run|QEMU|cmd:qemu-system-x86_64|6.0|qemu-system-x86|qemu-system-x86-core|qemu-system-x86|qemu
run|PC firmware|file:/usr/share/seabios/bios.bin,/usr/share/qemu/bios.bin,/usr/local/share/qemu/bios.bin,/opt/homebrew/share/qemu/bios.bin||seabios|seabios-bin|seabios|qemu
bochs|Bochs|cmd:bochs|2.6.11|bochs|bochs|bochs|bochs
bochs|Bochs firmware|file:/usr/share/bochs/BIOS-bochs-latest,/usr/local/share/bochs/BIOS-bochs-latest,/opt/homebrew/share/bochs/BIOS-bochs-latest||bochsbios|bochs|bochs|bochs
bochs|Bochs VGA firmware|file:/usr/share/bochs/VGABIOS-lgpl-latest*,/usr/share/vgabios/vgabios.bin,/usr/local/share/bochs/VGABIOS*,/opt/homebrew/share/bochs/VGABIOS*||vgabios|bochs|bochs|bochs
grub|GRUB tools|cmd:grub-mkimage,grub2-mkimage,x86_64-elf-grub-mkimage|2.04|grub-common|grub2-tools-extra|grub|x86_64-elf-grub
grub|GRUB for BIOS|file:/usr/lib/grub/i386-pc/multiboot2.mod,/usr/local/lib/grub/i386-pc/multiboot2.mod||grub-pc-bin|grub2-pc-modules|grub|x86_64-elf-grub
grub|xorriso|cmd:xorriso|1.5|xorriso|xorriso|libisoburn|xorriso
iso|GRUB for UEFI|file:/usr/lib/grub/x86_64-efi/multiboot2.mod,/opt/homebrew/lib/x86_64-elf/grub/x86_64-efi/multiboot2.mod||grub-efi-amd64-bin|grub2-efi-x64-modules|grub|x86_64-elf-grub
iso|mtools|cmd:mformat||mtools|mtools|mtools|mtools
iso|UEFI firmware|file:/usr/share/ovmf/OVMF.fd,/usr/share/OVMF/OVMF_CODE*.fd,/usr/share/edk2/ovmf/OVMF_CODE.fd,/usr/share/edk2/x64/OVMF*.fd||ovmf|edk2-ovmf|edk2-ovmf|qemu
test|cmocka|file:/usr/include/cmocka.h,/usr/local/include/cmocka.h,/opt/homebrew/include/cmocka.h||libcmocka-dev|libcmocka-devel|cmocka|cmocka
test|C library headers|file:/usr/include/stdio.h,/opt/homebrew/include/cmocka.h||libc6-dev|glibc-devel|glibc|-
test|mkfs.erofs|cmd:mkfs.erofs|1.4|erofs-utils|erofs-utils|erofs-utils|erofs-utils
test|libFuzzer|file:/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a,/usr/lib*/clang/*/lib/*/libclang_rt.fuzzer*||clang libclang-rt-dev|clang compiler-rt|clang compiler-rt|-
test|umoci|cmd:umoci||umoci|umoci|-|umoci
test|skopeo|cmd:skopeo||skopeo|skopeo|skopeo|skopeo
test|git|cmd:git||git|git|git|git
test|cpio|cmd:cpio||cpio|cpio|cpio|cpio
test|strace|cmd:strace||strace|strace|strace|-
test|gdbserver|cmd:gdbserver||gdbserver|gdb-gdbserver|gdb|-
test|gdb|cmd:gdb,x86_64-elf-gdb||gdb|gdb|gdb|x86_64-elf-gdb
nice|clang|cmd:clang|12|clang|clang|clang|llvm
nice|clang-format|cmd:clang-format|12|clang-format|clang-tools-extra|clang|clang-format
'

# The groups that a purpose needs.
groups_of() {
	case $1 in
	build) echo build ;;
	qemu) echo build run ;;
	bochs) echo build bochs grub ;;
	iso) echo build grub iso ;;
	uefi) echo build run grub iso ;;
	test) echo build run bochs grub iso test ;;
	all) echo build run bochs grub iso test nice ;;
	*) return 1 ;;
	esac
}

# present HOW: prints what was found (a command's path or a file); fails when there is nothing.
present() {
	kind=${1%%:*}
	old_ifs=$IFS
	IFS=,
	for alternative in ${1#*:}; do
		IFS=$old_ifs
		if [ "$kind" = cmd ]; then
			PATH=$PATH:/usr/sbin:/sbin command -v "$alternative" && return 0
		else
			for file in $alternative; do
				[ -e "$file" ] && echo "$file" && return 0
			done
		fi
	done
	IFS=$old_ifs
	return 1
}

# version_of COMMAND: the first thing in its words about itself that looks like a version.
version_of() {
	case ${1##*/} in
	mkfs.erofs) "$1" -V 2>&1 || "$1" 2>&1 ;;
	bochs) "$1" --help </dev/null 2>&1 ;;
	*) "$1" --version </dev/null 2>&1 ;;
	esac | grep -Eo '[0-9]+\.[0-9]+(\.[0-9]+)*' | head -n 1
}

# older A B: true when version A is below version B.
older() {
	[ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$1" ]
}

system() {
	[ "$(uname -s)" = Darwin ] && echo brew && return
	for pair in apt-get:debian dnf:fedora pacman:arch brew:brew; do
		command -v "${pair%%:*}" >/dev/null && echo "${pair#*:}" && return
	done
	echo debian
}

# packages SYSTEM, from table lines on stdin: the packages there, each once.
packages() {
	case $1 in
	debian) column=5 ;;
	fedora) column=6 ;;
	arch) column=7 ;;
	brew) column=8 ;;
	esac
	cut -d'|' -f$column | grep -v '^-$' | sort -u | tr '\n' ' '
}

install_line() {
	case $1 in
	debian) echo "apt-get install -y --no-install-recommends $2" ;;
	fedora) echo "dnf install -y $2" ;;
	arch) echo "pacman -S --needed --noconfirm $2" ;;
	brew) echo "brew install $2" ;;
	esac
}

# missing GROUP...: the lines of the table that are not met here.
missing() {
	for group in "$@"; do
		echo "$NEEDS" | grep "^$group|"
	done | while IFS='|' read -r group what how least rest; do
		present "$how" >/dev/null || echo "$group|$what|$how|$least|$rest"
	done
}
