// Package main is the shared object that Fluent Bit loads: the filter and input processor
// "logveil", and the output "logveil", in one file under two names.
//
//	flb-filter_logveil.so   native filter, by the symbol filter_logveil_plugin
//	logveil.so              output, by the proxy for Go: FLBPluginInit and its like
//
// It is the seam and nothing else. C (face.c) has what Fluent Bit looks up and what must be
// checked before Go may run at all; Go turns that into calls of package instance, and
// nothing leaves it but through a recover.
package main

/*
#include <stdint.h>
#include <stdlib.h>
void logveil_log(int level, const char *text);
const char *logveil_filter_option(const char *key, void *ins);
*/
import "C"

import (
	"runtime/cgo"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"

	"logveil/plugin/instance"
)

// version is set when the library is built.
var version = "unreleased"

func main() {}

// process is shared by both faces: one file loaded under two names is one library.
var process = sync.OnceValue(func() *instance.Process { return instance.NewProcess(version, log) })

func log(level instance.Level, text string) {
	s := C.CString(text)
	defer C.free(unsafe.Pointer(s))
	C.logveil_log(C.int(level), s)
}

func options(get func(key string) string) instance.Options {
	return instance.Options{ConfigFile: get("config_file"), TenantKey: get("tenant_key")}
}

//export logveilFilterInit
func logveilFilterInit(ins unsafe.Pointer) (ctx C.uintptr_t) {
	defer recovered("start of the filter")
	f, err := process().NewFilter(options(func(key string) string {
		s := C.CString(key)
		defer C.free(unsafe.Pointer(s))
		return C.GoString(C.logveil_filter_option(s, ins))
	}))
	if err != nil {
		log(instance.LevelError, "the filter does not start: "+err.Error())
		return 0
	}
	return C.uintptr_t(cgo.NewHandle(f))
}

// logveilFilter puts the redacted chunk into out, and reports, in the last line and nowhere
// else, when there is none because nothing is to be replaced in data.
//
//export logveilFilter
func logveilFilter(ctx C.uintptr_t, data unsafe.Pointer, size C.size_t, out *unsafe.Pointer, outSize *C.size_t) (clean C.int) {
	defer recovered("filter: a chunk is left out") // nothing is in out then
	f := cgo.Handle(ctx).Value().(*instance.Filter)
	// The host frees what it gets, so it is made with its malloc: most often at once.
	room := int(size + size/2 + 4096)
	p := C.malloc(C.size_t(room))
	defer func() {
		if *out != p {
			C.free(p)
		}
	}()
	redacted, changed := f.Redact(bytesAt(p, room)[:0], bytesAt(data, int(size)))
	if changed {
		switch {
		case len(redacted) == 0:
			return 0
		case unsafe.Pointer(&redacted[0]) == p:
			*out = p
		default:
			*out = C.CBytes(redacted)
		}
		*outSize = C.size_t(len(redacted))
		return 0
	}
	return 1
}

//export logveilFilterExit
func logveilFilterExit(ctx C.uintptr_t) {
	defer recovered("end of the filter")
	h := cgo.Handle(ctx)
	h.Value().(*instance.Filter).Close()
	h.Delete()
	process().Drain()
}

// outputContext is what the host holds of an output. The library that keeps it for the host
// never forgets it, so it is emptied.
type outputContext struct {
	output   atomic.Pointer[instance.Output]
	inEngine sync.Once
}

//export logveilOutputRegister
func logveilOutputRegister(def unsafe.Pointer) C.int {
	return C.int(output.FLBPluginRegister(def, "logveil", "Redact personal data and secrets, and deliver"))
}

//export logveilOutputUnregister
func logveilOutputUnregister(def unsafe.Pointer) { output.FLBPluginUnregister(def) }

//export logveilOutputInit
func logveilOutputInit(plugin unsafe.Pointer) (ret C.int) {
	ret = output.FLB_ERROR
	defer recovered("start of the output")
	o, err := process().NewOutput(options(func(key string) string { return output.FLBPluginConfigKey(plugin, key) }))
	if err != nil {
		log(instance.LevelError, "the output does not start: "+err.Error())
		return ret
	}
	c := new(outputContext)
	c.output.Store(o)
	output.FLBPluginSetContext(plugin, c)
	return output.FLB_OK
}

//export logveilOutputFlush
func logveilOutputFlush(ctx, data unsafe.Pointer, size C.int, tag *C.char, inEngine C.int, records *C.int) (ret C.int) {
	ret = output.FLB_RETRY
	defer recovered("output: a chunk is tried again")
	c := output.FLBPluginGetContext(ctx).(*outputContext)
	o := c.output.Load()
	if o == nil {
		return ret
	}
	if inEngine != 0 {
		c.inEngine.Do(func() {
			process().Say(instance.LevelWarn, "the output runs without workers: each delivery stops all of Fluent Bit; set workers to 1 or more")
		})
	}
	result, n := o.Flush(C.GoString(tag), bytesAt(data, int(size)))
	*records = C.int(n)
	switch result {
	case instance.Delivered:
		return output.FLB_OK
	case instance.Refused:
		return output.FLB_ERROR
	}
	return ret
}

//export logveilOutputExit
func logveilOutputExit(ctx unsafe.Pointer) {
	defer recovered("end of the output")
	if c, ok := output.FLBPluginGetContext(ctx).(*outputContext); ok {
		if o := c.output.Swap(nil); o != nil {
			o.Close()
			process().Drain()
		}
	}
}

func bytesAt(p unsafe.Pointer, n int) []byte { return unsafe.Slice((*byte)(p), n) }

// recovered ends a panic, and says so; not what it was about, which may hold a value.
func recovered(what string) {
	if recover() != nil {
		process().Say(instance.LevelError, "a fault of the plugin at the "+what)
	}
}
