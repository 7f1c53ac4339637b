"""The executor protocol: its shapes, the HTTP link, the session, and the exchange of tasks and reports."""
