# escape=\
from   a
