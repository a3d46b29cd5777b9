/* Each of the three stops something that the others let pass: the limit does not stop a dump that is piped to a program
 * (core(5)); the flag is lost by a change of user; and neither stops a debugger that is already attached. */
#include "base/nodump.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* gdb's gcore also obeys this filter by default; 0 leaves out all our pages. Without /proc there is no filter to set.
 */
static void leave_out_all_pages(void)
{
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ch_ignore(write(fd, "0", 1));
    close(fd);
}

ch_status ch_forbid_dumps(ch_error *err)
{
    const struct rlimit none = {0, 0};
    leave_out_all_pages();
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return ch_fail_errno(err, "turning core dumps off");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return ch_fail_errno(err, "marking the process as not dumpable");
    return CH_OK;
}
