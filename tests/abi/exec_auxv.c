/* SPDX-License-Identifier: MIT */
/* execve: what a new program finds, and everything that may not be executed. */
#include <elf.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "abi.h"

extern char **environ;

/* Runs this program again as `name`; the case of that name reports. */
static int run_self(char *const argv[], char *const envp[])
{
	pid_t pid = fork();

	if (pid == 0) {
		execve("/proc/self/exe", argv, envp);
		say("execve: %s", errno_name(errno));
		_exit(99);
	}
	return reap(pid);
}

static bool is_role(const char *name)
{
	return abi_argv[1] && !strcmp(abi_argv[1], name);
}

static void arguments(void)
{
	char *argv[] = { "self", "show_arguments", "", "two words", "\xff\xfe", "last", NULL };
	char *envp[] = { "A=1", "EMPTY=", "no-equals-sign", NULL };

	say("%s", ended(run_self(argv, envp)));
}

static void print_arguments(void)
{
	int argc = 0;

	for (; abi_argv[argc]; argc++)
		say("argv[%d] '%s'", argc, abi_argv[argc]);
	for (int i = 0; environ[i]; i++)
		say("env[%d] '%s'", i, environ[i]);
	/* The strings lie one behind the other, arguments first, as /proc/PID/cmdline relies on. */
	for (int i = 0; abi_argv[i + 1]; i++)
		if (abi_argv[i] + strlen(abi_argv[i]) + 1 != abi_argv[i + 1])
			say("argument %d is not followed by the next", i);
	YES(environ == abi_argv + argc + 1);
}

static void show_arguments(void)
{
	if (is_role("show_arguments"))
		print_arguments();
}

static void show_script_argument(void)
{
	if (is_role("one  two"))
		print_arguments();
}

static void auxiliary_vector(void)
{
	const char *execfn = (const char *)getauxval(AT_EXECFN), *platform;
	const Elf64_Ehdr *ehdr;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
	unsigned char *random = (unsigned char *)getauxval(AT_RANDOM), all = 0;

	platform = (const char *)getauxval(AT_PLATFORM);
	say("AT_PAGESZ %lu", getauxval(AT_PAGESZ));
	say("AT_CLKTCK %lu", getauxval(AT_CLKTCK));
	say("AT_PHENT %lu", getauxval(AT_PHENT));
	say("AT_SECURE %lu", getauxval(AT_SECURE));
	say("AT_BASE %lu", getauxval(AT_BASE));
	say("AT_FLAGS %lu", getauxval(AT_FLAGS));
	say("AT_PLATFORM %s", platform ? platform : "none");
	YES(execfn && strstr(execfn, "exec_auxv"));
	YES(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid());
	YES(getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
	for (int i = 0; random && i < 16; i++)
		all |= random[i];
	YES(all != 0);
	YES(ph != NULL);
	if (!ph)
		return;
	ehdr = (const Elf64_Ehdr *)((unsigned long)ph & ~0xfffUL);
	YES(!memcmp(ehdr->e_ident, ELFMAG, SELFMAG));
	YES(ehdr->e_phnum == getauxval(AT_PHNUM));
	YES(ehdr->e_entry == getauxval(AT_ENTRY));
	YES(getauxval(AT_HWCAP) != 0);
}

static void random_bytes_differ(void)
{
	char line[2][64] = { "", "" };
	char *argv[] = { "self", "show_random", NULL };

	for (int i = 0; i < 2; i++) {
		int p[2];
		pid_t pid;

		if (pipe(p) < 0)
			return;
		pid = fork();
		if (pid == 0) {
			dup2(p[1], 1);
			execve("/proc/self/exe", argv, environ);
			_exit(99);
		}
		reap(pid);
		R(read(p[0], line[i], 63) > 10 ? 1 : 0);
	}
	YES(strcmp(line[0], line[1]));
}

static void show_random(void)
{
	unsigned char *r = (unsigned char *)getauxval(AT_RANDOM);

	if (is_role("show_random"))
		say("%02x%02x%02x%02x%02x%02x", r[0], r[1], r[2], r[3], r[14], r[15]);
}

static void errors(void)
{
	char *argv[] = { "x", NULL };

	make_file("text", "not a program\n");
	chmod("text", 0755);
	make_file("plain", "#!/bin/sh\n");
	make_file("empty", "");
	chmod("empty", 0755);
	mkdir("d", 0755);
	symlink("loop", "loop");
	R(execve("missing", argv, NULL));
	R(execve("", argv, NULL));
	R(execve("text", argv, NULL));
	R(execve("empty", argv, NULL));
	R(execve("d", argv, NULL));
	R(execve("text/x", argv, NULL));
	R(execve("loop", argv, NULL));
	R(execve("plain", argv, NULL)); /* not executable, not even for root */
	R(execve("/dev/null", argv, NULL));
	R(syscall(SYS_execveat, 999, "x", argv, NULL, 0));
	R(syscall(SYS_execveat, AT_FDCWD, "text", argv, NULL, 0x8000));
	R(syscall(SYS_execveat, AT_FDCWD, "loop", argv, NULL, AT_SYMLINK_NOFOLLOW));
}

static void corrupt_programs(void)
{
	static char image[1 << 20];
	int self = open("/proc/self/exe", O_RDONLY);
	ssize_t n = read(self, image, sizeof(image));
	static const struct {
		const char *what;
		unsigned offset, size;
		unsigned long value;
	} faults[] = {
		{ "magic", 0, 1, 0 },
		{ "type relocatable", 16, 2, 1 },
		{ "another machine", 18, 2, 8 },
		{ "phentsize", 54, 2, 7 },
		{ "no program headers", 56, 2, 0 },
		{ "headers past the end", 32, 8, 1UL << 40 },
		{ "headers at -1", 32, 8, -1UL },
	};

	YES(n > 1000);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		char saved[8];
		pid_t pid;
		int fd = open("prog", O_CREAT | O_TRUNC | O_WRONLY, 0755);

		memcpy(saved, image + faults[i].offset, 8);
		memcpy(image + faults[i].offset, &faults[i].value, faults[i].size);
		if (write(fd, image, n) != n)
			say("short write");
		close(fd);
		memcpy(image + faults[i].offset, saved, 8);
		pid = fork();
		if (pid == 0) {
			execl("prog", "prog", (char *)NULL);
			say("%s: %s", faults[i].what, errno_name(errno));
			_exit(0);
		}
		say("%s: %s", faults[i].what, ended(reap(pid)));
	}
	for (ssize_t len = 1; len < 64; len += 20) {
		int fd = open("prog", O_CREAT | O_TRUNC | O_WRONLY, 0755);

		if (write(fd, image, len) != len)
			say("short write");
		close(fd);
		say("cut to %zd: %s", len,
		    execl("prog", "prog", (char *)NULL) ? errno_name(errno) : "?");
	}
}

static void busy_text(void)
{
	char buf[4096];
	int in = open("/proc/self/exe", O_RDONLY), out = open("copy", O_CREAT | O_RDWR, 0755);
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			say("short write");
	R(execl("copy", "copy", "nothing", (char *)NULL)); /* open for writing */
	close(out);
	pid_t pid = fork();

	if (pid == 0) {
		execl("copy", "copy", "nothing", (char *)NULL);
		_exit(99);
	}
	say("closed: %s", ended(reap(pid)));
}

static void scripts(void)
{
	char text[300];
	pid_t pid;

	static const char *const roles[] = { "show_arguments", "one  two \t" };

	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "#! /proc/self/exe  %s\nrest\n", roles[i]);
		make_file("script", text);
		chmod("script", 0755);
		pid = fork();
		if (pid == 0) {
			execve("./script", (char *[]){ "zero", "given", NULL },
			       (char *[]){ "E=1", NULL });
			say("%s", errno_name(errno));
			_exit(98);
		}
		say("%s", ended(reap(pid)));
	}
	make_file("script", "#!/no/such/interpreter\n");
	R(execl("./script", "s", (char *)NULL));
	make_file("script", "#!\n");
	R(execl("./script", "s", (char *)NULL));
	make_file("script", "#!   \t \n");
	R(execl("./script", "s", (char *)NULL));
	make_file("script", "#!./script\n"); /* its own interpreter */
	R(execl("./script", "s", (char *)NULL));
	make_file("script", "#!/proc/self/exe"); /* no newline: the end of the file ends it */
	pid = fork();
	if (pid == 0) {
		execl("./script", "s", "nothing", (char *)NULL);
		say("%s", errno_name(errno));
		_exit(98);
	}
	say("%s", ended(reap(pid)));
}

static void too_much(void)
{
	static char big[200000];
	char *argv[] = { "self", "nothing", big, NULL };
	char **many = calloc(2000001, sizeof(char *));

	memset(big, 'x', sizeof(big) - 1);
	R(execve("/proc/self/exe", argv, NULL)); /* one string over 128 KiB */
	big[100000] = '\0';
	say("100 kB: %s", ended(run_self(argv, environ)));
	for (int i = 0; i < 2000000; i++)
		many[i] = "12345";
	R(execve("/proc/self/exe", many, NULL));
	many[10000] = NULL;
	many[1] = "nothing";
	say("10,000 arguments: %s", ended(run_self(many, environ)));
}

static void what_is_reset(void)
{
	char *argv[] = { "self", "show_state", NULL };

	prctl(PR_SET_NAME, "a-name-given");
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	nice(3);
	umask(0123);
	mkdir("d", 0777);
	if (chdir("d") < 0)
		say("chdir failed");
	say("%s", ended(run_self(argv, environ)));
}

static void show_state(void)
{
	char name[17] = "", *cwd;
	int sig = -1;
	char path[300];

	if (!is_role("show_state"))
		return;
	prctl(PR_GET_NAME, name);
	prctl(PR_GET_PDEATHSIG, &sig);
	cwd = getcwd(path, sizeof(path));
	say("name %s pdeathsig %d nice %d", name, sig, getpriority(PRIO_PROCESS, 0));
	YES(cwd && strstr(cwd, "abi."));
}

static void names(void)
{
	char name[17] = "";
	char self[256] = "";

	prctl(PR_GET_NAME, name);
	say("%s", name);
	R(prctl(PR_SET_NAME, "0123456789abcdefgh"));
	prctl(PR_GET_NAME, name);
	say("%s", name);
	R(prctl(PR_SET_NAME, wild(8)));
	if (readlink("/proc/self/exe", self, 255) > 0)
		say("%s", strrchr(self, '/'));
}

/* Stack and registers at the very first instruction, seen through what main() was given. */
static void stack_layout(void)
{
	unsigned long *sp = (unsigned long *)abi_argv - 1;

	YES((unsigned long)sp % 16 == 0);
	YES(*sp >= 1 && abi_argv[*sp] == NULL);
	YES((char *)abi_argv < abi_argv[0]);
}

static void from_a_descriptor(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pid_t pid = fork();

	if (pid == 0) {
		char *argv[] = { "fd", "nothing", NULL };

		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
		_exit(99);
	}
	say("%s", ended(reap(pid)));
	R(syscall(SYS_execveat, fd, "", NULL, NULL, 0));
}

ABI_MAIN(CASE(arguments), CASE(show_arguments), { "one  two", show_script_argument },
	 CASE(auxiliary_vector), CASE(random_bytes_differ), CASE(show_random), CASE(errors),
	 CASE(corrupt_programs), CASE(busy_text), CASE(scripts), CASE(too_much),
	 CASE(what_is_reset), CASE(show_state), CASE(names), CASE(stack_layout),
	 CASE(from_a_descriptor))
