/*
 * Loop (a) of the launch benchmark: the least that can start a program as another user, vfork + setgid + setuid + exec,
 * its output read through one pipe, its end awaited. One launch for each byte on standard input; the nanoseconds of
 * each on standard output. Invariant: no confinement, no allocation inside the timed part.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int launch(uid_t uid, char **argv, char **env) {
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) return -1;
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  pid_t child = vfork();
  if (child == 0) {
    dup2(null, 0);
    dup2(out[1], 1);
    dup2(out[1], 2);
    if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, uid, uid, uid) != 0 ||
        syscall(SYS_setresuid, uid, uid, uid) != 0)
      _exit(126);
    execve(argv[0], argv, env);
    _exit(127);
  }
  close(out[1]);
  close(null);
  char buffer[4096];
  while (read(out[0], buffer, sizeof buffer) > 0) {
  }
  close(out[0]);
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return status;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  uid_t uid = (uid_t)strtoul(argv[1], NULL, 10);
  char *env[] = {"PATH=/usr/bin:/bin", NULL};
  char command;
  while (read(0, &command, 1) == 1) {
    uint64_t start = now();
    int status = launch(uid, argv + 2, env);
    uint64_t end = now();
    if (status != 0) return 1;
    dprintf(1, "%llu\n", (unsigned long long)(end - start));
  }
  return 0;
}
