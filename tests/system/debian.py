# SPDX-License-Identifier: MIT
"""Debian's own dynamic programs on Debian's image: glibc's ld.so, bash, coreutils, procps, util-linux.

What is expected is what the same lines print on Debian 12.
"""
from harness import Case

ON = ("debian",)


def differ(output):
    """ASLR: two runs of a program have their parts at other places, `setarch -R` has not."""
    lines = output.split()
    if len(lines) != 4 or len(set(lines[:2])) != 2:
        return "two different layouts, then two that are the same"
    return None if lines[2] == lines[3] else "the same layout twice under setarch -R"


def bash(name, script, **kw):
    """A case whose script bash runs; single quotes are not for the script."""
    return Case(name, "bash <<'END'\n%s\nEND" % script.strip("\n"), **kw)


# one program of each package of the image; what each says to --version begins with its name or the like
PROGRAMS = """
    bash cp grep sed find tar gzip ps lsblk mount python3 perl strace gdbserver crun bwrap less vim.tiny diff
    col script ldd
"""

CASES = [
    Case("each-package-starts", "for p in %s; do $p --version >out 2>&1 </dev/null || { echo $p: $?; cat out; }; "
         "[ -s out ] || echo $p says nothing; done; mawk -W version 2>&1 | grep -o ^mawk; ip -V | grep -o iproute2"
         % " ".join(PROGRAMS.split()), out="mawk\niproute2"),
    # the cache that mkimage wrote is the one that ldconfig makes here (but for a library of gdbserver's
    # that lies elsewhere, and a second name of libbz2), and the dynamic linker takes it
    Case("ld-so-cache", "show() { ldconfig -p \"$@\" | grep '=>' | grep -v ' /lib/lib\\|bz2.so.1 '; }; ldconfig -X -C own; show -C own >a; "
         "show >b; wc -l <b; diff a b; strace -f -o t bash -c true; grep -c 'open.*ld.so.cache.* = [0-9]' t; grep -c hwcaps t",
         match=r"^[6-9]\d\n1\n0$", lacks="[<>]", status=1),
    Case("python-and-perl", "python3 -c 'print(sum(range(10**6)))'; perl -e 'print 6 * 7, \"\\n\"'",
         out="499999500000\n42"),
    Case("ld-so", "/lib64/ld-linux-x86-64.so.2 --list /bin/bash | sed '/vdso/d;s/ (0x.*//;s/^\t//'; "
         "LD_BIND_NOW=1 LD_PRELOAD=libselinux.so.1 /bin/true; echo $?; "
         "LD_PRELOAD=none.so /bin/true 2>&1 | cut -d: -f3-",
         out="libtinfo.so.6 => /lib/x86_64-linux-gnu/libtinfo.so.6\n"
             "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6\n/lib64/ld-linux-x86-64.so.2\n0\n"
             " object 'none.so' from LD_PRELOAD cannot be preloaded (cannot open shared object file): ignored."),
    Case("aslr", "one() { \"$@\" cat /proc/self/maps | cut -d' ' -f1,6- | tr -s ' ' | md5sum | cut -c1-32; }\n"
         "one setarch x86_64; one setarch x86_64; one setarch -R; one setarch -R", check=differ),
    Case("aslr-parts", "for i in 1 2; do setarch x86_64 awk '/awk$/ && !e { e = $1 } /libc.so/ && !l { l = $1 } /heap/ { h = $1 }\n"
         "/stack/ { s = $1 } END { print e, l, h, s }' /proc/self/maps; done | awk '\n"
         "NR == 1 { split($0, a) } NR == 2 { for (i = 1; i <= 4; i++) print a[i] != $i }'", out="1\n1\n1\n1"),
    bash("bash-language", r"""
declare -A map=([one]=1 [two]=2); a=(x y "z w"); printf '%s,' "${!map[@]}" | tr ',' '\n' | sort | xargs
echo "${#a[@]} ${a[@]: -1} ${a[*]/y/Y}"; mapfile -t lines < <(printf 'l1\nl2\n'); echo "${lines[1]}"
cat <<< "here ${BASH_VERSINFO[0]}"; [[ abc123 =~ ([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[2]}"
coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
exec {COPROC[1]}>&-; wait; f() { local -n r=$1; r=set; }; f v; echo "$v $((2**40)) ${v^^}"
trap 'echo usr1' USR1; kill -USR1 $$; trap 'echo bye' EXIT; diff <(echo a) <(echo b) | head -1
(set -o pipefail; false | true; echo $?); ulimit -n 64; ulimit -n
""", out="one two\n3 z w x Y z w\nl2\nhere 5\n123\nthrough\nset 1099511627776 SET\nusr1\n1c1\n1\n64\nbye",
         lacks="not found"),
    bash("bash-jobs", r"""
set -m; sleep 100 & p=$!; sleep 100 & q=$!; jobs -r | wc -l; kill -STOP %1; sleep 0.3; jobs -s | wc -l
kill -CONT %1; sleep 0.3; jobs -s | wc -l; kill %1 %2; wait $p; echo $?; wait $q; echo $?; jobs | wc -l
(sleep 0.1; exit 7) & wait -n; echo $?; sleep 5 & disown; kill $!; wait; echo end
""", match=r"^2\n1\n0\n(.*\n)*143\n(.*\n)*143\n(.*\n)*0\n(.*\n)*7\nend"),
    bash("coreutils-files", r"""
umask 022; mkdir -p d/e; seq 1000 > d/f; ln d/f d/g; ln -s f d/h; cp -a d c; stat -c '%n %F %h %s %a' c/[fgh]
du -b --apparent-size c/f; truncate -s 5000000 s; stat -c '%s' s; dd if=/dev/zero of=z bs=4k count=10 status=none
split -n 3 -d d/f p.; cat p.* | cmp - d/f && sha256sum d/f | cut -c1-16; install -m 750 d/f i; stat -c %a i
mv -n d/f z; mktemp -d ./tXXXX | wc -c; readlink -f d/h | sed 's,.*/case,,'; touch -d @86400 i; date -u -r i +%F
rm -r c d; sync; mkfifo q; (echo fifo > q &); cat q; realpath --relative-to=/usr/bin /usr/lib
""", out="c/f regular file 2 3893 644\nc/g regular file 2 3893 644\n"
         "c/h symbolic link 1 1 777\n3893\tc/f\n5000000\n67d4ff71d43921d5\n750\n8\n/d/f\n1970-01-02\nfifo\n../lib"),
    bash("coreutils-text", r"""
seq 5 | tac | paste -sd, ; printf 'b 2\na 1\n' | sort -k2n | join - <(printf 'a x\nb y\n'); printf 'x\nx\ny\n' | uniq -c
echo abc | base64 | rev; printf '%05.2f|%q\n' 3.14159 "a b"; echo 1536 | numfmt --to=iec; factor 1234567890
printf 'one two\n' | fold -w4 | nl -ba; echo hi | od -An -c; tr a-z A-Z <<< up; comm -12 <(seq 5) <(seq 3 8)
shuf -i 1-100 | sort -n | md5sum | cut -c1-8; seq 100000 | sort -R | sort -n | tail -1; cut -d: -f7 /etc/passwd | head -1
echo a:b | tee >(cat >/dev/null) | expand; seq 3 | pr -t -3 -w 20; expr 7 \* 6; echo {1..3}{a,b} | wc -w; seq 10 | head -n -8
""", match=(r"^5,4,3,2,1\na 1 x\nb 2 y\n +2 x\n +1 y\n.*YWJj\n|.*", r"^03\.14\|a\\ b\n1\.5K\n1234567890: 2 3 3 5 3607 3803",
                   r"^UP\n3\n4\n5\n", r"^100000\n/bin/bash\na:b\n1 +2 +3\n42\n6\n1\n2$")),
    bash("coreutils-processes", r"""
timeout 0.2 sleep 5; echo $?; timeout -s KILL 0.2 sleep 5; echo $?; nice -n 5 nice; env -i A=1 env; nohup true; echo $?
stdbuf -o0 echo unbuffered; chroot / /bin/echo rooted; seq 8 | xargs -P 4 -n 1 sh -c 'echo $0' | sort | xargs
nproc; id -u; whoami; groups; tty; kill -l 9; printenv HOME; basename "$(pwd)"; (exit 3); echo $?; hostname; uname -s
""", match=r"^124\n(.*Killed.*\n)?137\n5\nA=1\n(nohup.*\n)?0\nunbuffered\nrooted\n1 2 3 4 5 6 7 8\n2\n0\nroot\nroot\nnot a tty\nKILL\n.*\ncase\n3\ndyad\nLinux$"),
    bash("procps", r"""
sleep 77 & p=$!; ps -o comm=,stat=,ni= -p $p; pgrep -x sleep | grep -c "^$p\$"; pidof sleep | grep -c $p
ps -eo pid,ppid,args --no-headers | awk '$1 == 1 { print $2 }'; free | awk '/^Mem/ { print ($2 > 200000) }'
vmstat | wc -l; uptime | grep -c 'load average'; top -b -n 1 | grep -c PID; pmap $p | tail -1 | grep -c total
pkill -f 'sleep 77'; wait $p; echo $?; sysctl -n kernel.ostype; w -h | wc -l
""", match=r"^sleep +S +0\n1\n1\n0\n1\n3\n1\n1\n1\n143\nLinux\n0\n"),
    bash("util-linux", r"""
setsid -w sh -c 'ps -o sid= -p $$ | xargs test $$ ='; echo $?; flock -n l true; echo $?; taskset -p $$ | grep -c mask
chrt -p $$ | head -1 | grep -c SCHED_OTHER; prlimit --nofile=10:20 bash -c 'ulimit -Sn; ulimit -Hn'; getopt -o ab: -- -b x -a
unshare -m sh -c 'mount -t tmpfs t /media && findmnt -no FSTYPE /media'; unshare -pf --mount-proc ps -o pid= | xargs
mountpoint -q /proc; echo $?; lscpu | grep -c '^CPU(s)'; hexdump -C <<< a | head -1 | cut -c1-20; rev <<< abc
script -qc 'tty | cut -d/ -f3' /dev/null | tr -d '\r'; nsenter -t 1 -u hostname; renice -n 3 -p $$ | grep -c 'new priority 3'
""", match=(r"^0\n0\n1\n1\n10\n20\n -b 'x' -a --\ntmpfs\n1\n0\n1\n00000000  61 0a  ", r"^cba\npts\ndyad\n1$")),
    bash("text-tools", r"""
printf 'a=1\nb=2\n' | sed -En 's/(.)=(.)/\2\1/p'; grep -n root /etc/passwd | cut -d: -f1,2,8; awk -F: '{ n++ } END { print (n > 10) }' /etc/passwd
find /etc -maxdepth 1 -name passwd -printf '%f %m\n'; mkdir t; echo x > t/x; tar -C t -czf t.gz . && tar -tzf t.gz | wc -l; gzip -l t.gz | wc -l
printf 'ione\x1btwo\x1b:wq\n' | TERM=dumb vi -es -c 'normal ihello' -c wq v; cat v; dpkg -s bash | grep Status; dpkg -L bash | grep -cx /bin/bash
""", out="1a\n2b\n1:root:/bin/bash\n1\npasswd 644\n2\n2\nhello\n"
         "Status: install ok installed\n1"),
    Case("container-and-vm", "ctr run busybox -- echo inside; vm run busybox -- echo guest", out="inside\nguest"),
]

