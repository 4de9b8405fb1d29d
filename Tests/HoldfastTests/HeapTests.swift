import Holdfast
import Testing
