// Package instance is the plugin for Fluent Bit without a line of C: the filters and
// outputs of a process, and the policies that they share.
//
// # What a host may count on
//
// A filter has no way to say that it failed: whatever it does not give back as changed
// passes as it was. So nothing here fails. A policy that cannot be loaded stops the start;
// after that, a fault costs values their tokens or records their place, and is counted.
//
// Every wait has an end well before the five seconds that Fluent Bit gives an output at
// its stop: [TokenWait] for tokens, [FlushWait] for a delivery with its tokens.
//
// # Hot reload
//
// Fluent Bit ends all instances and then starts those of the new configuration, and dies
// when one of them does not start. So the last good policy of a file stays in memory, and
// stays in force when the file has become bad or is gone.
package instance
