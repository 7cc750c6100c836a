"""The router's calls to other processes: specialists, tools and their catalogues."""
