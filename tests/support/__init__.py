"""Tools that several rooms' tests share: real chains, fake chains, faulty proxies, virtual time."""
