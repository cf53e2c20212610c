// Package trunk is what a provider's link needs besides SIP itself: where the
// provider is, how it spells numbers, which calls may go out, when to register
// again. It sends nothing; package sipgw does.
package trunk
