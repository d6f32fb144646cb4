/* SPDX-License-Identifier: MIT */
/*
 * Shared subtrees (mount_namespaces(7)): what bind, move, mount and umount do to peers and slaves, in
 * one namespace and across several, and what mountinfo says of each mount.
 */
#include "mounts.h"

#define KIND(place, kind) R(mount(NULL, place, NULL, kind, NULL))

/* A tmpfs in each of the directories of names ("a b c"), of that source; quietly. */
static void fresh(const char *names)
{
	char copy[128], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", names);
	for (char *n = strtok_r(copy, " ", &save); n; n = strtok_r(NULL, " ", &save)) {
		mkdir(n, 0755);
		if (mount(n, n, "tmpfs", 0, NULL))
			say("%s: %s", n, errno_name(errno));
	}
}

static void dirs(const char *names)
{
	char copy[128], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", names);
	for (char *n = strtok_r(copy, " ", &save); n; n = strtok_r(NULL, " ", &save))
		mkdir(n, 0755);
}

/* a: shared, b: its peer, s: its slave; below each d and e. */
static void family(void)
{
	begin();
	fresh("a");
	dirs("b s a/d a/e");
	if (mount(NULL, "a", NULL, MS_SHARED, NULL) || mount("a", "b", NULL, MS_BIND, NULL) ||
	    mount("a", "s", NULL, MS_BIND, NULL) || mount(NULL, "s", NULL, MS_SLAVE, NULL))
		say("family: %s", errno_name(errno));
}

/* Runs fn in a copy of this namespace and tells how it ended. */
static void inside(void (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWNS) || chdir(abi_dir))
			say("inside: %s", errno_name(errno));
		fn();
		_exit(0);
	}
	if (reap(pid))
		say("the inner one failed");
}

/* ---- the tables of the manual page ---- */

static const char *const source[] = { "sh", "pr", "sl", "un" };

/* A mount of each kind of propagation, and places for them below others. */
static void one_of_each(void)
{
	static const unsigned long kinds[] = { MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE };

	begin();
	fresh("sh pr sl un dest plain");
	dirs("x dest/sh dest/pr dest/sl dest/un plain/sh plain/pr plain/sl plain/un");
	KIND("sl", MS_SHARED);
	R(mount("sl", "x", NULL, MS_BIND, NULL));
	for (int i = 0; i < 4; i++)
		KIND(source[i], kinds[i]);
}

static void bind_table(void)
{
	one_of_each();
	KIND("dest", MS_SHARED);
	for (int i = 0; i < 4; i++) {
		char place[32];

		snprintf(place, sizeof(place), "dest/%s", source[i]);
		R(mount(source[i], place, NULL, MS_BIND, NULL));
		snprintf(place, sizeof(place), "plain/%s", source[i]);
		R(mount(source[i], place, NULL, MS_BIND, NULL));
	}
	show_mounts();
}

static void move_table(void)
{
	one_of_each();
	for (int i = 0; i < 4; i++) {
		char place[32];

		snprintf(place, sizeof(place), "plain/%s", source[i]);
		R(mount(source[i], place, NULL, MS_MOVE, NULL));
	}
	show_mounts();
	KIND("dest", MS_SHARED);
	for (int i = 0; i < 4; i++) {
		char place[32], from[32];

		snprintf(from, sizeof(from), "plain/%s", source[i]);
		snprintf(place, sizeof(place), "dest/%s", source[i]);
		R(mount(from, place, NULL, MS_MOVE, NULL));
	}
	show_mounts();
	R(mount("dest/pr", "plain/pr", NULL, MS_MOVE, NULL)); /* from below a shared one */
}

static void kinds_of_a_tree(void)
{
	begin();
	fresh("a a/b a/b/c a/d");
	KIND("a", MS_SHARED | MS_REC);
	show_mounts();
	KIND("a/b", MS_SLAVE | MS_REC); /* no peers: private */
	show_mounts();
	KIND("a/b", MS_UNBINDABLE | MS_REC);
	KIND("a/d", MS_SLAVE);
	show_mounts();
	KIND("a", MS_PRIVATE | MS_REC);
	show_mounts();
	KIND("a/b", MS_SHARED);
	KIND("a/b", MS_UNBINDABLE);
	KIND("a/b", MS_SHARED);
	show_mounts();
}

static void bad_kinds(void)
{
	begin();
	fresh("a");
	dirs("a/d");
	KIND("a", MS_SHARED | MS_PRIVATE);
	KIND("a", MS_SHARED | MS_NOSUID);
	KIND("a", MS_SHARED | MS_RDONLY);
	KIND("a", MS_SHARED | MS_SILENT);
	KIND("a", MS_SLAVE | MS_UNBINDABLE | MS_REC);
	KIND("a/d", MS_PRIVATE);
	KIND("missing", MS_PRIVATE);
	R(mount("nosuch", "a", "nosuchtype", MS_PRIVATE, "what=ever"));
	R(mount("a", "a/d", NULL, MS_BIND | MS_SHARED, NULL)); /* a bind first of all */
	show_mounts();
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_SHARED, NULL));
	show_mounts();
}

/* ---- groups ---- */

static void groups_shrink(void)
{
	family();
	dirs("c");
	R(mount("a", "c", NULL, MS_BIND, NULL));
	show_mounts();
	R(umount2("a", 0)); /* the slave's master is another peer now */
	show_mounts();
	KIND("b", MS_PRIVATE);
	show_mounts();
	R(mount("in", "c/d", "tmpfs", 0, NULL));
	show_mounts();
	R(umount2("c/d", 0));
	R(umount2("c", 0)); /* the last: its slave is on its own */
	show_mounts();
	R(mount("in", "s/d", "tmpfs", 0, NULL));
	R(umount2("s/d", 0));
}

static void slave_and_shared(void)
{
	family();
	dirs("t u");
	KIND("s", MS_SHARED);
	R(mount("s", "t", NULL, MS_BIND, NULL));
	R(mount("t", "u", NULL, MS_BIND, NULL));
	KIND("u", MS_SLAVE);
	show_mounts();
	R(mount("down", "a/d", "tmpfs", 0, NULL));
	R(mount("side", "t/e", "tmpfs", 0, NULL));
	show_mounts();
	KIND("t", MS_SLAVE);
	show_mounts();
	KIND("s", MS_SLAVE); /* alone in its group, and a slave: only a slave */
	KIND("s", MS_SLAVE);
	show_mounts();
	R(umount2("b/d", 0));
	show_mounts();
}

static void slaves_change_masters(void)
{
	family();
	dirs("t");
	R(mount("s", "t", NULL, MS_BIND, NULL)); /* a slave's bind is a slave of the same */
	show_mounts();
	KIND("a", MS_SLAVE);
	show_mounts();
	KIND("b", MS_SLAVE); /* no group any more */
	show_mounts();
}

static void only_a_part(void)
{
	begin();
	fresh("a");
	dirs("b a/sub a/sub/x a/other");
	KIND("a", MS_SHARED);
	R(mount("a/sub", "b", NULL, MS_BIND, NULL));
	R(mount("1", "a/sub/x", "tmpfs", 0, NULL));
	R(mount("2", "a/other", "tmpfs", 0, NULL));
	show_mounts();
	R(umount2("b/x", 0));
	R(mount("3", "a/sub", "tmpfs", 0, NULL)); /* on b's root, as b shows it */
	show_mounts();
	R(umount2("a/sub", 0));
	R(umount2("a/other", 0));
	R(rename("a/sub", "a/moved"));
	R(mount("4", "b/x", "tmpfs", 0, NULL));
	show_mounts();
}

static void into_itself(void)
{
	begin();
	fresh("a");
	dirs("a/in a/d");
	KIND("a", MS_SHARED);
	R(mount("a", "a/in", NULL, MS_BIND, NULL));
	show_mounts();
	R(mount("x", "a/d", "tmpfs", 0, NULL));
	show_mounts();
	R(umount2("a/in/d", 0));
	R(mount("a", "a/in", NULL, MS_BIND | MS_REC, NULL));
	show_mounts();
	R(umount2("a/in", MNT_DETACH));
	show_mounts();
}

static void files_too(void)
{
	family();
	make_file("a/f", "below");
	make_file("cover", "above");
	R(mount("cover", "b/f", NULL, MS_BIND, NULL));
	show_file("a/f");
	show_file("s/f");
	R(umount2("a/f", 0));
	show_file("s/f");
}

static void whole_trees(void)
{
	family();
	fresh("t t/u");
	dirs("t/u/w");
	R(mount("t", "a/d", NULL, MS_BIND, NULL));
	R(mount("t", "a/e", NULL, MS_BIND | MS_REC, NULL));
	show_mounts();
	R(mount("w", "b/e/u/w", "tmpfs", 0, NULL));
	show_mounts();
	R(umount2("b/e", 0));
	R(umount2("b/e", MNT_DETACH));
	show_mounts();
}

static void unbindable_parts(void)
{
	family();
	fresh("t t/u t/v t/u/w");
	KIND("t/u", MS_UNBINDABLE);
	R(mount("t", "a/d", NULL, MS_BIND | MS_REC, NULL));
	R(mount("t/u/w", "a/e", NULL, MS_BIND, NULL));
	R(umount2("a/e", 0));
	R(mount("t/u", "a/e", NULL, MS_MOVE, NULL));
	R(mount("t", "a/e", NULL, MS_MOVE, NULL));
	show_mounts();
}

/* ---- umount ---- */

static void what_a_slave_added(void)
{
	family();
	R(mount("x", "a/d", "tmpfs", 0, NULL));
	dirs("a/d/k");
	R(mount("own", "s/d/k", "tmpfs", 0, NULL)); /* s/d is a slave: stays here */
	show_mounts();
	R(umount2("a/d", 0)); /* not there: something is mounted on it */
	show_mounts();
	R(umount2("s/d/k", 0));
	R(umount2("s/d", 0));
	show_mounts();
}

static void another_at_the_place(void)
{
	family();
	R(mount("x", "a/d", "tmpfs", 0, NULL));
	R(umount2("s/d", 0));
	R(mount("own", "s/d", "tmpfs", 0, NULL));
	show_mounts();
	R(umount2("a/d", 0));
	show_mounts();
}

static void beneath_what_is_there(void)
{
	family();
	R(mount("own", "s/d", "tmpfs", 0, NULL));
	R(mount("x", "a/d", "tmpfs", 0, NULL));
	make_file("a/d/of-x", "");
	list("s/d");
	show_mounts();
	R(umount2("s/d", 0));
	list("s/d");
	R(mount("own", "s/d", "tmpfs", 0, NULL));
	R(umount2("b/d", 0)); /* the one on top comes down */
	show_mounts();
	list("s/d");
	R(umount2("s/d", 0));
}

static void twice_at_a_place(void)
{
	family();
	R(mount("x", "a/d", "tmpfs", 0, NULL));
	R(mount("y", "b/d", "tmpfs", 0, NULL));
	show_mounts();
	R(umount2("a/d", 0));
	show_mounts();
	R(umount2("b/d", 0));
	show_mounts();
}

static void busy_elsewhere(void)
{
	int fd;

	family();
	R(mount("x", "a/d", "tmpfs", 0, NULL));
	make_file("a/d/f", "");
	fd = open("s/d/f", O_RDONLY);
	R(umount2("a/d", 0));
	R(umount2("s/d", 0));
	close(fd);
	fd = open("b/d", O_PATH);
	R(umount2("a/d", 0));
	R(umount2("a/d", MNT_DETACH));
	show_mounts();
	close(fd);
	R(mount("x", "a/e", "tmpfs", 0, NULL));
	R(chdir("s/e"));
	R(umount2("../../a/e", 0));
	R(chdir("../.."));
	R(umount2("a/e", 0));
	show_mounts();
}

static void lazily(void)
{
	int fd;

	family();
	R(mount("x", "a/d", "tmpfs", 0, NULL));
	dirs("a/d/k");
	R(mount("y", "a/d/k", "tmpfs", 0, NULL));
	make_file("a/d/k/f", "kept");
	show_mounts();
	fd = open("s/d/k/f", O_RDONLY);
	R(umount2("b/d", MNT_DETACH));
	show_mounts();
	R(read(fd, abi_dir, 0));
	R(umount2("a", MNT_DETACH)); /* its peers stay */
	show_mounts();
	close(fd);
}

static void umount_of_a_peer(void)
{
	family();
	R(mount("x", "a/d", "tmpfs", 0, NULL));
	R(umount2("a", 0));
	R(umount2("b", MNT_DETACH));
	show_mounts();
	R(umount2("a/d", 0));
	R(umount2("a", 0));
	show_mounts();
}

/* ---- across namespaces ---- */

static void mounts_in_a_peer(void)
{
	R(mount("in", "a/d", "tmpfs", 0, NULL));
	R(mount("own", "s/e", "tmpfs", 0, NULL));
	show_mounts();
}

static void peers_outside(void)
{
	family();
	inside(mounts_in_a_peer);
	show_mounts();
	R(umount2("s/d", 0));
	R(umount2("b/d", 0));
	show_mounts();
}

static int go[2], come[2];
static char byte;

static void tell(void)
{
	if (write(come[1], "x", 1) != 1)
		_exit(1);
}

static void await(void)
{
	if (read(go[0], &byte, 1) != 1)
		_exit(1);
}

static void wait_as_slave(void)
{
	struct pollfd info = { .events = POLLPRI };
	char buf[4096];

	KIND("/", MS_SLAVE | MS_REC);
	R(mount("own", "a/e", "tmpfs", 0, NULL));
	info.fd = open("/proc/self/mountinfo", O_RDONLY);
	while (read(info.fd, buf, sizeof(buf)) > 0)
		;
	poll(&info, 1, 0); /* what went before is taken */
	R(poll(&info, 1, 0));
	tell();
	await();
	R(poll(&info, 1, 5000));
	say("events %#x", info.revents);
	R(poll(&info, 1, 0));
	show_mounts();
	tell();
	await();
	R(poll(&info, 1, 5000));
	show_mounts();
	KIND("a", MS_PRIVATE);
	R(poll(&info, 1, 0));
}

static void slaves_inside(void)
{
	pid_t pid;

	family();
	if (pipe(go) || pipe(come))
		say("pipe: %s", errno_name(errno));
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNS) || chdir(abi_dir))
			say("unshare: %s", errno_name(errno));
		wait_as_slave();
		_exit(0);
	}
	read(come[0], &byte, 1);
	show_mounts();
	mount("later", "a/d", "tmpfs", 0, NULL);
	write(go[1], "x", 1);
	read(come[0], &byte, 1);
	umount2("a/d", 0);
	write(go[1], "x", 1);
	say("%s", ended(reap(pid)));
	show_mounts();
}

static void third(void)
{
	KIND("a", MS_SLAVE);
	show_mounts(); /* b's group is the nearest that can be seen here */
	KIND("b", MS_PRIVATE);
	show_mounts();
}

static void second(void)
{
	KIND("a", MS_SLAVE);
	KIND("a", MS_SHARED);
	show_mounts();
	inside(third);
}

static void far_masters(void)
{
	family();
	inside(second);
}

static void copies_of_everything(void)
{
	KIND("a", MS_PRIVATE);
	R(umount2("s", 0));
	R(umount2("b", MNT_DETACH));
	show_mounts();
}

static void what_a_copy_drops(void)
{
	family();
	inside(copies_of_everything);
	show_mounts();
}

/* ---- pivot_root ---- */

static void shared_roots(void)
{
	begin();
	fresh("r p p/q");
	dirs("r/old p/q/old");
	KIND("p", MS_SHARED);
	R(syscall(SYS_pivot_root, "p/q", "p/q/old")); /* its parent is shared */
	KIND("p", MS_PRIVATE);
	KIND("r", MS_SHARED);
	R(syscall(SYS_pivot_root, "r", "r/old")); /* put_old is on a shared one */
	KIND("r", MS_SLAVE);
	R(syscall(SYS_pivot_root, "r", "missing"));
	R(syscall(SYS_pivot_root, "r", "r/old"));
	R(chdir("/"));
	list("/");
	R(access("/old/proc/self", F_OK));
	R(umount2("/old", MNT_DETACH));
	list("/old");
}

ABI_MAIN(CASE(bind_table), CASE(move_table), CASE(kinds_of_a_tree), CASE(bad_kinds),
	 CASE(groups_shrink), CASE(slave_and_shared), CASE(slaves_change_masters),
	 CASE(only_a_part), CASE(into_itself), CASE(files_too), CASE(whole_trees),
	 CASE(unbindable_parts), CASE(what_a_slave_added), CASE(another_at_the_place),
	 CASE(beneath_what_is_there), CASE(twice_at_a_place), CASE(busy_elsewhere), CASE(lazily),
	 CASE(umount_of_a_peer), CASE(peers_outside), CASE(slaves_inside), CASE(far_masters),
	 CASE(what_a_copy_drops), CASE(shared_roots))
