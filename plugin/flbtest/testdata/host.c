// A host that drives the plugin as Fluent Bit does: it loads the one file under its two
// names, copies the structure of the filter, calls back on small stacks of coroutines and
// from several threads, and sets its signal handlers again. It takes commands, one a line,
// and answers each with one line.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define MAX_INSTANCES 64
#define MAX_OPTIONS 8
// Of Fluent Bit on Linux until v5.0; later ones have 64 KiB.
#define COROUTINE_STACK (24 * 1024)

struct option { char key[64], value[1024]; };

struct instance {
    void *context;
    struct option options[MAX_OPTIONS];
    int n;
};

// What the plugin may call.
void flb_filter_set_context(struct instance *ins, void *context) { ins->context = context; }

static const char *option(const char *key, struct instance *ins) {
    for (int i = 0; i < ins->n; i++)
        if (!strcasecmp(ins->options[i].key, key))
            return ins->options[i].value;
    return NULL;
}

const char *flb_filter_get_property(const char *key, struct instance *ins) { return option(key, ins); }

void flb_log_print(int level, const char *file, int line, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    flockfile(stderr);
    fprintf(stderr, "[%d] ", level);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    funlockfile(stderr);
    va_end(args);
}

#ifndef OLD_HOST
void flb_output_enable_multi_threading(void *ins) {}
#endif

// The structure of v2.2.0, and what later versions know besides.
struct filter_plugin {
    int event_type, flags;
    char *name, *description;
    void *config_map;
    int (*pre_run)(void *, void *, void *);
    int (*init)(void *, void *, void *);
    int (*filter)(const void *, size_t, const char *, int, void **, size_t *, void *, void *, void *, void *);
    int (*exit)(void *, void *);
    int (*notification)(void *, void *, void *);
    void *list[2];
};

struct api { const char *(*get)(const char *, struct instance *); void *more[16]; };
struct proxy_context { void *remote; };
struct output_plugin { void *unused; struct api *api; struct instance *ins; struct proxy_context *context; };
struct proxy_def { int type, proxy, flags; char *name, *description; int event_type; };

static struct filter_plugin filter;
static int (*output_init)(void *), (*output_flush)(void *, const void *, int, const char *), (*output_exit)(void *);
static struct instance filters[MAX_INSTANCES], outputs[MAX_INSTANCES];
static struct proxy_context contexts[MAX_INSTANCES];
static struct api api = {.get = option};

static void must(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "host: %s: %s\n", what, dlerror());
        exit(2);
    }
}

// A call on the stack of a coroutine, with a page behind it that nobody may touch.
struct coroutine { ucontext_t caller, own; char *stack; };
static __thread struct { void (*call)(void *); void *arg; } next_call;
static void enter(void) { next_call.call(next_call.arg); }
static void on_coroutine(void (*call)(void *), void *arg) {
    struct coroutine c;
    size_t page = sysconf(_SC_PAGESIZE);
    c.stack = mmap(NULL, COROUTINE_STACK + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(c.stack != MAP_FAILED && mprotect(c.stack, page, PROT_NONE) == 0, "stack");
    getcontext(&c.own);
    c.own.uc_stack.ss_sp = c.stack + page;
    c.own.uc_stack.ss_size = COROUTINE_STACK;
    c.own.uc_link = &c.caller;
    next_call.call = call;
    next_call.arg = arg;
    makecontext(&c.own, enter, 0);
    swapcontext(&c.caller, &c.own);
    munmap(c.stack, COROUTINE_STACK + page);
}

struct chunk { char *data; size_t size; };

static struct chunk read_chunk(const char *path) {
    struct chunk c = {NULL, 0};
    FILE *f = fopen(path, "rb");
    must(f != NULL, path);
    fseek(f, 0, SEEK_END);
    c.size = ftell(f);
    rewind(f);
    c.data = malloc(c.size + 1);
    must(fread(c.data, 1, c.size, f) == c.size, path);
    fclose(f);
    return c;
}

struct filter_call { struct instance *ins; struct chunk in; void *out; size_t out_size; int ret; };
static void call_filter(void *p) {
    struct filter_call *c = p;
    c->out = NULL;
    c->out_size = 0;
    c->ret = filter.filter(c->in.data, c->in.size, "tag", 3, &c->out, &c->out_size, c->ins, NULL, c->ins->context, NULL);
}

struct flush_call { int id; const char *tag; struct chunk in; int ret; };
static void call_flush(void *p) {
    struct flush_call *c = p;
    c->ret = output_flush(contexts[c->id].remote, c->in.data, (int)c->in.size, c->tag);
}

static const char *result(int ret) { return ret == 1 ? "ok" : ret == 2 ? "retry" : "error"; }

// Threads that all give the same chunk, and what the first answer was.
struct load { int id, rounds, failed; char kind; struct chunk in, want; };
static void *run_load(void *p) {
    struct load *l = p;
    for (int i = 0; i < l->rounds; i++) {
        // A buffer of its own, as a host has: a callee that kept it would be seen.
        struct chunk in = {malloc(l->in.size), l->in.size};
        memcpy(in.data, l->in.data, in.size);
        if (l->kind == 'f') {
            struct filter_call c = {.ins = &filters[l->id], .in = in};
            on_coroutine(call_filter, &c);
            if (c.ret != 1 || c.out_size != l->want.size || memcmp(c.out, l->want.data, c.out_size))
                __atomic_add_fetch(&l->failed, 1, __ATOMIC_SEQ_CST);
            free(c.out);
        } else {
            struct flush_call c = {.id = l->id, .tag = "tag", .in = in};
            on_coroutine(call_flush, &c);
            if (c.ret != 1)
                __atomic_add_fetch(&l->failed, 1, __ATOMIC_SEQ_CST);
        }
        memset(in.data, 'x', in.size);
        free(in.data);
    }
    return NULL;
}

static void on_signal(int sig) {}

static void set_signals(void) {
    const int all[] = {SIGINT, SIGQUIT, SIGHUP, SIGCONT, SIGTERM, SIGSEGV, SIGFPE};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        signal(all[i], on_signal);
}

static int start_filter(struct instance *ins, int announce) {
    if (announce && filter.pre_run(ins, NULL, NULL) != 0)
        return -1;
    return filter.init(ins, NULL, NULL);
}

static int start_output(int id) {
    struct output_plugin p = {.api = &api, .ins = &outputs[id], .context = &contexts[id]};
    return output_init(&p);
}

static void read_options(struct instance *ins, char *rest) {
    memset(ins, 0, sizeof *ins);
    for (char *word; (word = strsep(&rest, " ")) && *word && ins->n < MAX_OPTIONS; ins->n++) {
        char *value = strchr(word, '=');
        *value++ = 0;
        snprintf(ins->options[ins->n].key, sizeof ins->options->key, "%s", word);
        snprintf(ins->options[ins->n].value, sizeof ins->options->value, "%s", value);
    }
}

// Usage: host FILTER.so OUTPUT.so v2.2|v3.2
int main(int argc, char **argv) {
    set_signals();
    void *f = dlopen(argv[1], RTLD_LAZY | RTLD_LOCAL), *o = dlopen(argv[2], RTLD_LAZY | RTLD_LOCAL);
    must(f && o, "dlopen");
    void *symbol = dlsym(f, "filter_logveil_plugin");
    must(symbol != NULL, "filter_logveil_plugin");
    memcpy(&filter, symbol, strcmp(argv[3], "v2.2") ? sizeof filter : offsetof(struct filter_plugin, notification));
    must(!strcmp(filter.name, "logveil") && filter.event_type == 1, "name");
    int (*output_register)(void *) = dlsym(o, "FLBPluginRegister");
    void (*output_unregister)(void *) = dlsym(o, "FLBPluginUnregister");
    output_init = dlsym(o, "FLBPluginInit");
    output_flush = dlsym(o, "FLBPluginFlushCtx");
    output_exit = dlsym(o, "FLBPluginExitCtx");
    must(output_register && output_unregister && output_init && output_flush && output_exit, "symbols of the output");
    struct proxy_def def = {0};
    must(output_register(&def) == 0 && def.type == 2 && def.proxy == 11 && !strcmp(def.name, "logveil"), "FLBPluginRegister");

    char line[8192];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *rest = line, *command = strsep(&rest, " ");
        int id = rest ? atoi(strsep(&rest, " ")) : 0;
        if (!strcmp(command, "filter-init")) {
            read_options(&filters[id], rest);
            puts(start_filter(&filters[id], 1) == 0 ? "ok" : "refused");
        } else if (!strcmp(command, "filter-init-only")) {
            read_options(&filters[id], rest);
            puts(start_filter(&filters[id], 0) == 0 ? "ok" : "refused");
        } else if (!strcmp(command, "filter")) {
            struct filter_call c = {.ins = &filters[id], .in = read_chunk(strsep(&rest, " "))};
            on_coroutine(call_filter, &c);
            // What is not modified goes on as it was.
            struct chunk kept = c.ret == 1 ? (struct chunk){c.out, c.out_size} : c.in;
            FILE *out = fopen(strsep(&rest, " "), "wb");
            fwrite(kept.data, 1, kept.size, out);
            fclose(out);
            puts(c.ret == 1 ? "modified" : c.ret == 2 && !c.out && !c.out_size ? "untouched" : "unknown");
            free(c.out);
            free(c.in.data);
        } else if (!strcmp(command, "filter-exit")) {
            filter.exit(filters[id].context, NULL);
            puts("ok");
        } else if (!strcmp(command, "output-init")) {
            read_options(&outputs[id], rest);
            contexts[id].remote = NULL;
            puts(result(start_output(id)));
        } else if (!strcmp(command, "flush")) {
            struct flush_call c = {.id = id, .tag = strsep(&rest, " "), .in = read_chunk(strsep(&rest, " "))};
            on_coroutine(call_flush, &c);
            free(c.in.data);
            puts(result(c.ret));
        } else if (!strcmp(command, "output-exit")) { // also of one that never started
            puts(result(output_exit(contexts[id].remote)));
        } else if (!strcmp(command, "load")) { // load ID f|o THREADS ROUNDS FILE
            struct load l = {.id = id, .kind = *strsep(&rest, " ")};
            int threads = atoi(strsep(&rest, " "));
            l.rounds = atoi(strsep(&rest, " "));
            l.in = read_chunk(rest);
            if (l.kind == 'f') {
                struct filter_call c = {.ins = &filters[id], .in = l.in};
                call_filter(&c);
                must(c.ret == 1, "a load that is not modified");
                l.want = (struct chunk){c.out, c.out_size};
            }
            pthread_t t[64];
            for (int i = 0; i < threads; i++)
                must(pthread_create(&t[i], NULL, run_load, &l) == 0, "pthread_create");
            for (int i = 0; i < threads; i++)
                pthread_join(t[i], NULL);
            printf("failed %d\n", l.failed);
        } else if (!strcmp(command, "daemon")) {
            fflush(stdout);
            pid_t child = fork();
            if (child == 0) {
                alarm(10); // Go in a child waits for ever
                _exit(start_filter(&filters[id], 1) == 0 || start_output(id) == 1);
            }
            int status = 0;
            waitpid(child, &status, 0);
            puts(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "refused" : "started");
        } else if (!strcmp(command, "signals")) {
            set_signals();
            struct filter_call c = {.ins = &filters[id], .in = read_chunk(rest)};
            on_coroutine(call_filter, &c);
            struct sigaction term, fault;
            sigaction(SIGTERM, NULL, &term);
            sigaction(SIGSEGV, NULL, &fault);
            int kept = term.sa_handler == on_signal && term.sa_flags & SA_ONSTACK && fault.sa_handler != on_signal;
            puts(kept ? "kept" : "lost");
        } else {
            puts("unknown");
        }
        fflush(stdout);
    }
    output_unregister(&def);
    return 0;
}
