"""What a service imports: it reports its errors and survives those of others."""
