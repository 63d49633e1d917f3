"""What the tests start and talk to: the built server, databases, object stores, receivers, browsers. No test and no rule of the product stands here."""
