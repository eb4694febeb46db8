// What Fluent Bit calls: the filter through a data symbol, the output through the symbols
// of its proxy for Go. None of its headers are used; what of its structures and functions
// is needed is declared here.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "_cgo_export.h"

// Functions of the host.
extern void flb_filter_set_context(void *ins, void *ctx) __attribute__((weak));
extern const char *flb_filter_get_property(const char *key, void *ins) __attribute__((weak));
extern void flb_log_print(int level, const char *file, int line, const char *fmt, ...) __attribute__((weak));
extern void *cmt_counter_create(void *cmt, const char *ns, const char *subsystem, const char *name, const char *help,
                                int keys, const char **key) __attribute__((weak));
extern int cmt_counter_add(void *counter, uint64_t time, double value, int keys, const char **label) __attribute__((weak));
// Came with v2.2.0, as did the structure below; not called.
extern void flb_output_enable_multi_threading(void *ins) __attribute__((weak));

enum { LOG_ERROR_LEVEL = 1, FILTER_LOGS = 1, FILTER_MODIFIED = 1, FILTER_UNTOUCHED = 2, OUTPUT_ERROR = 0, OUTPUT_OK = 1 };

void logveil_log(int level, const char *text) {
    if (flb_log_print)
        flb_log_print(level, NULL, 0, "[logveil] %s", text);
    else
        fprintf(stderr, "[logveil] %s\n", text);
}

const char *logveil_filter_option(const char *key, void *ins) { return flb_filter_get_property(key, ins); }

// The process that loaded the library. Go's threads do not survive a fork: in a child
// nothing of it may be called.
static pid_t loader;
__attribute__((constructor)) static void loaded(void) { loader = getpid(); }

static int forked(void) {
    if (getpid() == loader)
        return 0;
    logveil_log(LOG_ERROR_LEVEL, "cannot run in daemon mode: start without -d");
    return 1;
}

// Fluent Bit sets its signal handlers again after some signals, without SA_ONSTACK, on
// which Go insists for code that interrupts it, and in the place of Go's own for faults.
static struct sigaction go_fault;
static void keep_signals(void) {
    struct sigaction now;
    if (sigaction(SIGSEGV, NULL, &now) != 0 || now.sa_sigaction == go_fault.sa_sigaction)
        return;
    if (!go_fault.sa_sigaction) {
        go_fault = now;
        return;
    }
    sigaction(SIGSEGV, &go_fault, NULL);
    sigaction(SIGFPE, &go_fault, NULL);
    const int others[] = {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGCONT};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (sigaction(others[i], NULL, &now) == 0 && now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN) {
            now.sa_flags |= SA_ONSTACK;
            sigaction(others[i], &now, NULL);
        }
    }
}

// struct flb_filter_plugin since v2.2.0. The host copies as much as it knows of it; what
// it may know besides is zero.
struct filter_plugin {
    int event_type;
    int flags;
    const char *name;
    const char *description;
    void *config_map;
    int (*pre_run)(void *ins, void *config, void *data);
    int (*init)(void *ins, void *config, void *data);
    int (*filter)(const void *data, size_t size, const char *tag, int tag_size, void **out, size_t *out_size,
                  void *ins, void *input, void *ctx, void *config);
    int (*exit)(void *ctx, void *config);
    int (*notification)(void *ins, void *config, void *data);
    void *list[2];
    void *later[16];
};

// The instance that pre_run was called for. Where init does not follow for the same one,
// the structure is not the one above.
static __thread void *announced;

// A host before v2.2.0 calls this as init, and would call init as filter.
static int pre_run(void *ins, void *config, void *data) {
    if (!flb_output_enable_multi_threading || !flb_filter_set_context || !flb_filter_get_property) {
        logveil_log(LOG_ERROR_LEVEL, "needs Fluent Bit v2.2.0 or later");
        return -1;
    }
    announced = ins;
    return forked() ? -1 : 0;
}

static int init(void *ins, void *config, void *data) {
    if (announced != ins) {
        logveil_log(LOG_ERROR_LEVEL, "does not know this version of Fluent Bit");
        return -1;
    }
    announced = NULL;
    uintptr_t ctx = logveilFilterInit(ins);
    keep_signals();
    if (!ctx)
        return -1;
    flb_filter_set_context(ins, (void *)ctx);
    return 0;
}

// Whatever is not given back as modified passes as it was: only what was found clean may.
static int filter(const void *data, size_t size, const char *tag, int tag_size, void **out, size_t *out_size,
                  void *ins, void *input, void *ctx, void *config) {
    *out = NULL;
    *out_size = 0;
    keep_signals();
    return logveilFilter((uintptr_t)ctx, (void *)data, size, out, out_size) == 1 ? FILTER_UNTOUCHED : FILTER_MODIFIED;
}

static int filter_exit(void *ctx, void *config) {
    if (ctx)
        logveilFilterExit((uintptr_t)ctx);
    return 0;
}

__attribute__((visibility("default"))) struct filter_plugin filter_logveil_plugin = {
    .event_type = FILTER_LOGS,
    .name = "logveil",
    .description = "Redact personal data and secrets",
    .pre_run = pre_run,
    .init = init,
    .filter = filter,
    .exit = filter_exit,
};

// What the host gives an output: struct flbgo_output_plugin, and the beginning of struct
// flb_api.
struct output_plugin {
    void *unused;
    struct {
        void *property[2];
        void *(*output_metrics)(void *ins);
    } *api;
    void *ins;
    struct {
        void *remote;
    } *context;
};

// The counts of an output in Fluent Bit's own metrics; a filter has no way to them. All
// series are made when it starts, since that is done on one thread.
enum { MAX_OUTPUTS = 64, RESULTS = 3 };
static const char *result_names[RESULTS] = {"error", "delivered", "retry"};
static struct {
    void *ctx, *records, *bytes;
    char name[16];
} outputs[MAX_OUTPUTS];

static void count(int i, int result, double records, double bytes) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ts = (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
    const char *labels[] = {outputs[i].name, result_names[result]};
    cmt_counter_add(outputs[i].records, ts, records, 2, labels);
    cmt_counter_add(outputs[i].bytes, ts, bytes, 2, labels);
}

static int find_output(void *ctx) {
    int i = 0;
    while (i < MAX_OUTPUTS && outputs[i].ctx != ctx)
        i++;
    return i;
}

static void add_output(struct output_plugin *p) {
    const char *keys[] = {"name", "result"};
    int i = find_output(NULL);
    void *cmt = cmt_counter_create && cmt_counter_add && p->api->output_metrics ? p->api->output_metrics(p->ins) : NULL;
    if (!cmt || i == MAX_OUTPUTS)
        return;
    snprintf(outputs[i].name, sizeof outputs[i].name, "logveil.%d", i);
    outputs[i].records = cmt_counter_create(cmt, "logveil", "output", "records_total", "Records redacted and handed on.", 2, keys);
    outputs[i].bytes = cmt_counter_create(cmt, "logveil", "output", "bytes_total", "Bytes of the chunks of those records.", 2, keys);
    if (!outputs[i].records || !outputs[i].bytes)
        return;
    for (int r = 0; r < RESULTS; r++)
        count(i, r, 0, 0);
    outputs[i].ctx = p->context->remote;
}

// The thread of the engine, on which outputs are started.
static pthread_t engine;

__attribute__((visibility("default"))) int FLBPluginRegister(void *def) { return logveilOutputRegister(def); }

__attribute__((visibility("default"))) void FLBPluginUnregister(void *def) { logveilOutputUnregister(def); }

__attribute__((visibility("default"))) int FLBPluginInit(void *plugin) {
    if (forked())
        return OUTPUT_ERROR;
    engine = pthread_self();
    int ret = logveilOutputInit(plugin);
    keep_signals();
    if (ret == OUTPUT_OK)
        add_output(plugin);
    return ret;
}

__attribute__((visibility("default"))) int FLBPluginFlushCtx(void *ctx, const void *data, int size, const char *tag) {
    keep_signals();
    int records = 0;
    int ret = logveilOutputFlush(ctx, (void *)data, size, (char *)tag, pthread_equal(engine, pthread_self()), &records);
    int i = ctx ? find_output(ctx) : MAX_OUTPUTS;
    if (i < MAX_OUTPUTS)
        count(i, ret, records, size);
    return ret;
}

__attribute__((visibility("default"))) int FLBPluginExitCtx(void *ctx) {
    if (!ctx)
        return OUTPUT_OK;
    logveilOutputExit(ctx);
    int i = find_output(ctx);
    if (i < MAX_OUTPUTS)
        outputs[i].ctx = NULL;
    return OUTPUT_OK;
}
