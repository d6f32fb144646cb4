/* SPDX-License-Identifier: MIT */
/* What the debuggers of ptrace.py look at: a dynamic program with a thread, compiled with -g -O0. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static int watched;
static volatile int go_on;

static int inner(int x)
{
	return x * 3;
}

static int outer(int x)
{
	int y = inner(x) + 1;

	watched = y;
	return y;
}

static void *work(void *arg)
{
	*(int *)arg = outer(*(int *)arg);
	return NULL;
}

int main(int argc, char **argv)
{
	int n = 5;
	pthread_t t;

	while (argc > 1 && !go_on) /* until a debugger says so */
		usleep(1000);
	outer(2);
	pthread_create(&t, NULL, work, &n);
	pthread_join(t, NULL);
	printf("debuggee: %d\n", n);
	return argc > 1 ? 3 : 42;
}
