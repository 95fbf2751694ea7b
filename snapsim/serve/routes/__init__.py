"""The endpoints of the Engine API, a module a part: a route reads the request, asks the daemon, and gives a shape."""
