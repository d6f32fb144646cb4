/* SPDX-License-Identifier: MIT */
/* openat2(2): the limits of a path walk, each alone and together, and wrong arguments. */
#include <linux/openat2.h>

#include "vfs.h"

static int dir;

static long how3(const char *path, unsigned long flags, unsigned long mode, unsigned long resolve)
{
	struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	return fd;
}

static void attempt(const char *path, unsigned long resolve)
{
	result(path, how3(path, O_RDONLY, 0, resolve));
}

/* d: a file, a directory, links that stay and links that leave. */
static void tree(void)
{
	begin();
	mkdir("d", 0755);
	mkdir("d/sub", 0755);
	mkdir("d/mnt", 0755);
	make_file("out", "outside");
	make_file("d/f", "inside");
	make_file("d/sub/f", "deep");
	symlink("f", "d/rel");
	symlink("../f", "d/sub/up");
	symlink("../../out", "d/sub/leaves");
	symlink("../out", "d/outlink");
	symlink("/f", "d/abs");
	symlink("sub", "d/subl");
	symlink("/", "d/rootl");
	symlink("/proc/self/cwd", "d/magic");
	mount("inner", "d/mnt", "tmpfs", 0, NULL);
	make_file("d/mnt/m", "mounted");
	symlink("../f", "d/mnt/back");
	dir = open("d", O_RDONLY | O_DIRECTORY);
}

static void try_all(unsigned long resolve)
{
	static const char *const paths[] = {
		"f",
		"sub/f",
		"sub/../f",
		"..",
		"../out",
		"sub/../../out",
		"/f",
		"rel",
		"sub/up",
		"sub/leaves",
		"outlink",
		"abs",
		"subl/f",
		"rootl",
		"magic",
		"mnt/m",
		"mnt/..",
		"mnt/../f",
		"mnt/back",
		".",
		"none",
		"f/x",
		"/",
		"/..",
		"/proc/self/cwd",
	};

	for (unsigned int i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		attempt(paths[i], resolve);
}

static void beneath(void)
{
	tree();
	try_all(RESOLVE_BENEATH);
}

static void in_root(void)
{
	tree();
	try_all(RESOLVE_IN_ROOT);
	result("creates", how3("/sub/new", O_CREAT | O_RDWR, 0644, RESOLVE_IN_ROOT));
	list("d/sub");
}

static void no_xdev(void)
{
	tree();
	try_all(RESOLVE_NO_XDEV);
}

static void no_symlinks(void)
{
	tree();
	try_all(RESOLVE_NO_SYMLINKS);
	result("the link itself", how3("rel", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
	result("the link itself, to read", how3("rel", O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
	result("a slash behind it", how3("subl/", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
}

static void no_magic_links(void)
{
	tree();
	try_all(RESOLVE_NO_MAGICLINKS);
	dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	attempt("cwd", RESOLVE_NO_MAGICLINKS);
	attempt("exe", RESOLVE_NO_MAGICLINKS);
	attempt("fd/0", RESOLVE_NO_MAGICLINKS);
	attempt("ns/mnt", RESOLVE_NO_MAGICLINKS);
	attempt("status", RESOLVE_NO_MAGICLINKS);
	result("cwd itself", how3("cwd", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_MAGICLINKS));
	attempt("cwd", RESOLVE_NO_XDEV);
	attempt("root", RESOLVE_BENEATH);
	attempt("root", RESOLVE_IN_ROOT);
	dir = open("/proc", O_RDONLY | O_DIRECTORY);
	attempt("self/status", RESOLVE_NO_MAGICLINKS);
	attempt("self/status", RESOLVE_NO_SYMLINKS);
	attempt("self/status", RESOLVE_BENEATH);
}

static void together(void)
{
	tree();
	attempt("rel", RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	attempt("subl/f", RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	attempt("abs", RESOLVE_IN_ROOT | RESOLVE_NO_XDEV);
	attempt("mnt/m", RESOLVE_IN_ROOT | RESOLVE_NO_XDEV);
	attempt("mnt/m", RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	attempt("f", RESOLVE_BENEATH | RESOLVE_IN_ROOT);
	result("creates beneath",
	       how3("sub/new", O_CREAT | O_EXCL | O_RDWR, 0600, RESOLVE_BENEATH));
	result("creates above", how3("../new", O_CREAT | O_EXCL | O_RDWR, 0600, RESOLVE_BENEATH));
	result("through a link", how3("outlink", O_CREAT | O_RDWR, 0600, RESOLVE_BENEATH));
	result("nameless", how3("sub", O_TMPFILE | O_RDWR, 0600, RESOLVE_BENEATH));
	result("on a mount", how3("mnt", O_TMPFILE | O_RDWR, 0600, RESOLVE_NO_XDEV));
	list("d/sub");
	list(".");
	dir = AT_FDCWD;
	attempt("d/f", RESOLVE_BENEATH);
	attempt("../x", RESOLVE_BENEATH);
	attempt("/out", RESOLVE_IN_ROOT);
	dir = 99;
	attempt("f", 0);
	attempt("/", RESOLVE_IN_ROOT);
	attempt("/", 0);
}

static void cached(void)
{
	tree();
	access("d/sub/f", F_OK);
	result("seen before", how3("sub/f", O_RDONLY, 0, RESOLVE_CACHED));
	result("a directory", how3("sub", O_RDONLY | O_DIRECTORY, 0, RESOLVE_CACHED));
	result("itself", how3(".", O_RDONLY, 0, RESOLVE_CACHED));
	result("a file to write", how3("sub/f", O_RDWR, 0, RESOLVE_CACHED));
	result("make", how3("new", O_CREAT | O_RDWR, 0644, RESOLVE_CACHED));
	result("truncate", how3("f", O_TRUNC | O_RDWR, 0, RESOLVE_CACHED));
	result("nameless", how3("sub", O_TMPFILE | O_RDWR, 0644, RESOLVE_CACHED));
	list("d");
	show("d/f");
}

static void wrong(void)
{
	struct {
		struct open_how how;
		long more;
	} big = { .how = { .flags = O_RDONLY } };

	begin();
	make_file("f", "x");
	dir = AT_FDCWD;
	result("unknown flag", how3("f", 1UL << 40, 0, 0));
	result("unknown flag below", how3("f", 0x40000000, 0, 0));
	result("mode without O_CREAT", how3("f", O_RDONLY, 0644, 0));
	result("mode too big", how3("g", O_CREAT, 010000, 0));
	result("unknown limit", how3("f", O_RDONLY, 0, 0x1000));
	result("O_PATH and more", how3("f", O_PATH | O_RDWR, 0, 0));
	result("O_PATH and create", how3("g", O_PATH | O_CREAT, 0644, 0));
	result("O_CREAT and O_DIRECTORY", how3("g", O_CREAT | O_DIRECTORY, 0644, 0));
	result("O_TMPFILE without O_DIRECTORY", how3(".", 020000000 | O_RDWR, 0644, 0));
	result("O_TMPFILE read only", how3(".", O_TMPFILE | O_RDONLY, 0644, 0));
	R(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof(big)) >= 0);
	big.more = 1;
	R(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof(big)));
	R(syscall(SYS_openat2, AT_FDCWD, "f", &big, 8));
	R(syscall(SYS_openat2, AT_FDCWD, "f", &big, 0));
	R(syscall(SYS_openat2, AT_FDCWD, "f", &big, 1 << 20));
	R(syscall(SYS_openat2, AT_FDCWD, "f", NULL, sizeof(big.how)));
	R(syscall(SYS_openat2, AT_FDCWD, NULL, &big, sizeof(big.how)));
	R(syscall(SYS_openat2, AT_FDCWD, "", &big, sizeof(big.how)));
}

ABI_MAIN(CASE(beneath), CASE(in_root), CASE(no_xdev), CASE(no_symlinks), CASE(no_magic_links),
	 CASE(together), CASE(cached), CASE(wrong))
