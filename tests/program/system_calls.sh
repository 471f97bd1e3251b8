#!/usr/bin/env bash
# What can fail on a user's machine is asked through the table `sys` (core/base/sys.h), where tests
# can make it fail and where somebody else's folder is kept to itself (base/confine.h). This finds
# calls in core/ and tui/ that go past the table. Arguments: binary, source folder.
#
# Not looked for, because they ask nothing that a disk, a quota or a limit could refuse: the terminal
# (isatty, ioctl, poll), signals, limits (getrlimit, sysconf), the user database (getpwuid), what is
# printed (stdio; its failure is seen once, when standard output is flushed), advice (posix_fadvise).
set -u
source=$2
calls='open|open64|openat|openat2|creat|read|readv|pread|preadv|write|writev|pwrite|pwritev|fsync|
fdatasync|syncfs|close|ftruncate|truncate|fallocate|posix_fallocate|copy_file_range|sendfile|flock|
lockf|fcntl|dup|dup2|dup3|rename|renameat|renameat2|link|linkat|symlink|symlinkat|unlink|unlinkat|
remove|mkdir|mkdirat|mkfifo|mknod|rmdir|mkstemp|mkostemp|mkdtemp|tmpfile|chmod|fchmod|chown|fchown|
lchown|utimensat|futimens|stat|lstat|fstat|fstatat|statx|access|faccessat|realpath|
canonicalize_file_name|readlink|readlinkat|getcwd|chdir|fchdir|statfs|statvfs|fstatfs|fstatvfs|
opendir|fdopendir|readdir|closedir|scandir|scandirat|ftw|nftw|fts_open|glob|fopen|freopen|fdopen|
fclose|fread|fgets|getline|getdelim|popen|system|pipe|pipe2|socket|socketpair|connect|accept|fork|
vfork|clone|execl|execlp|execle|execv|execvp|execve|execvpe|fexecve|posix_spawn|posix_spawnp|wait|
wait3|wait4|waitid|waitpid|kill|killpg|pthread_create|thrd_create|getrandom|getentropy|dlopen|mmap|
mremap|munmap|mprotect|mincore|shm_open|memfd_create|syscall|quotactl|time'
calls=${calls//$'\n'/}

# Those that may, by file and call, and why. One that is not needed any more is to go.
exceptions='
base/sys.c syscall: an entry of the table, for which there is no function
base/sys.c openat: an entry of the table, which gives it its arguments
base/sys.c fcntl: an entry of the table, which gives it its arguments
base/confine.c *: the entries of the table that keep a folder to itself
base/limits.c fgets fclose: the kernel'"'"'s own files; unread, a limit is not known
base/process.c fopen fgets fclose time: is linked without base into a program for a GPU alone
compute/plugin.c *: is linked without base, into programs that a plug-in comes with
cli/process.c open fcntl: fills the numbers 0 to 2 before anything else, and they stay open in a child
canvas/terminal.c write: gives the terminal back in a signal handler, when all else has failed
canvas/terminal.c kill: stops this process itself, as Ctrl-Z does, which is always allowed
'
failures=0
fail() {
  echo "SYSTEM CALLS: $*"
  failures=$((failures + 1))
}

# FILE...: "file:line:call" of each call by name, and of each such name that is handed on, in code:
# comments, texts, members (sys.open, backend->read) and declarations of such functions are not.
past_the_table() {
  awk -v calls="$calls" '
    BEGIN { count = split(calls, list, "|"); for (i = 1; i <= count; i++) known[list[i]] = 1 }
    FNR == 1 { comment = 0 }
    {
      rest = $0; code = ""
      while (length(rest)) {
        if (comment) {
          end = index(rest, "*/")
          if (!end) break
          rest = substr(rest, end + 2); comment = 0
        } else if (match(rest, /^[^"\047\/]+/)) {
          code = code substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1)
        } else if (substr(rest, 1, 2) == "/*") {
          comment = 1; rest = substr(rest, 3)
        } else if (substr(rest, 1, 2) == "//") {
          break
        } else if (match(rest, /^"([^"\\]|\\.)*"/) || match(rest, /^\047([^\047\\]|\\.)*\047/)) {
          code = code "_"; rest = substr(rest, RLENGTH + 1)
        } else {
          code = code substr(rest, 1, 1); rest = substr(rest, 2)
        }
      }
      if (code ~ /^[ \t]*#/) next
      before = ""
      while (match(code, /[A-Za-z_][A-Za-z_0-9]*/)) {
        name = substr(code, RSTART, RLENGTH)
        before = before substr(code, 1, RSTART - 1)
        code = substr(code, RSTART + RLENGTH)
        member = before ~ /(\.|->)[ \t]*$/
        declared = before ~ /^[ \t]*(static |extern |inline |const |struct |unsigned )*[a-z_0-9]+[ \t]+\**$/ &&
          before !~ /(return|else|do)[ \t]*$/
        if (known[name] && code ~ /^[ \t]*\(/ && !member && !declared)
          print FILENAME ":" FNR ":" name
        before = before name
      }
    }
  ' "$@"
}

# The search itself: what it must find, and what it must leave alone.
sample=$(mktemp)
trap 'rm -f "$sample"' EXIT
cat >"$sample" <<'SAMPLE'
    int fd = open(path, O_RDONLY);
    if (status == 0 && rmdir(path) != 0 && sys.unlink(path) != 0)
    return access(path, F_OK) == 0; /* is it there? */
    while ((got = read (fd, out, 1)) < 0 && errno == EINTR) fsync(fd);
SAMPLE
found=$(past_the_table "$sample" | cut -d: -f2,3 | tr '\n' ' ')
[ "$found" = "1:open 2:rmdir 3:access 4:read 4:fsync " ] || fail "of five calls the search finds $found"
cat >"$sample" <<'SAMPLE'
/* open(path) is not meant, nor
 * close(fd), */
    sys.open(path, flags, 0); backend->read(self, out, from, count); "stat(x)"; views[0] . close(at);
static void write(struct text_writer *out, const char *text)
static int read(struct place *place);
    file_read_at(fd, out, count, 0, path, err); reopen(); DIR *open = NULL; '"'; // kill(0)
SAMPLE
found=$(past_the_table "$sample")
[ -z "$found" ] || fail "the search finds what is no call: $found"

mapfile -t files < <(find "$source/core" "$source/tui" -name '*.[ch]' | sort)
[ ${#files[@]} -gt 200 ] || fail "${#files[@]} files under $source"
declare -A own allowed used
# A file's own function, or one that is handed to it, may have such a name: it hides the system's there.
while IFS=: read -r file name; do own["$file $name"]=1; done < <(
  grep -oE "^(static |inline )+[a-z_0-9 ]+[ *]($calls)\(|[(,] ?[a-z_]+ \*($calls)[,)]" "${files[@]}" |
    sed -E 's/:.*[ *]([a-z_0-9]+)[(,)]$/:\1/')
while IFS= read -r line; do
  [ -n "$line" ] || continue
  [[ "$line" == *": "?* ]] || fail "an exception without its reason: $line"
  read -r -a words <<<"${line%%:*}"
  for name in "${words[@]:1}"; do allowed["${words[0]} $name"]=1; done
done <<<"$exceptions"

total=0
while IFS=: read -r file line name; do
  [ -n "$file" ] || continue
  [ -z "${own["$file $name"]:-}" ] || continue
  short=$(basename "$(dirname "$file")")/$(basename "$file")
  total=$((total + 1))
  if [ -n "${allowed["$short *"]:-}" ]; then
    used["$short *"]=1
  elif [ -n "${allowed["$short $name"]:-}" ]; then
    used["$short $name"]=1
  else
    fail "$file:$line: $name() goes past sys (core/base/sys.h); call sys.$name(), or give a reason here"
  fi
done < <(past_the_table "${files[@]}")
for key in "${!allowed[@]}"; do
  [ -n "${used[$key]:-}" ] || fail "the exception \"$key\" is not needed any more"
done

[ $failures -eq 0 ] && echo "system_calls: ${#files[@]} files, $total calls of ${#allowed[@]} exceptions"
exit $((failures > 0))
