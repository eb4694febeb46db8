// Package keyed reads what stands between a key and its value, "key = value" in the many
// forms that logs write it, and says where the value ends and whether it looks random.
//
// It knows no keys: detectors find those. Every function looks a bounded number of bytes
// ahead, allocates nothing, and never reads beyond its buffer.
//
// # Forms
//
//	key=value   key: value   key := value   key => value      [Assign]
//	"key":"value"   \"key\":\"value\"   'key': 'value'        [Assign]
//	name="key" value="value"   {"name":"key","value":"v"}     [Assign]
//	setProperty("key", "value")                               [Comma]
//	<key>value</key>   <ns:key attr="x">value</ns:key>        [Tag]
//	--key value   key value                                   [Blank]
//
// Text that is encoded otherwise than by backslashes before its quotes (%22, \u003d,
// &quot;) is looked at decoded by the engine.
package keyed
