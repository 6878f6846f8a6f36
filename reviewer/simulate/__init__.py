"""The simulated provider: a loopback server with the wire formats of real providers and scripted critiques.

The only place in the product where a critique may be faked. Every response says so: header `x-reviewer-simulated: 1`,
request ids that begin with `sim_`. It is for demos, benchmarks and users' own integration tests.
"""
