"""What orchestrated workers cost when each service is a process and everything goes over HTTP."""
